"""Hugging Face YAML at the head of a model card, with a ``model-index``."""

import json
from collections.abc import Sequence

from cxr_edge.evaluation.figures import ConfusionMatrix
from cxr_edge.evaluation.style_groups import COUNTER
from cxr_edge.evaluation.summary import Summary
from cxr_edge.evaluation.worst_group import worst_group
from cxr_edge.notice import NOT_STATED
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.validation import NOT_MEASURED, Prior


def front_matter(spec: ModelSpec, evaluation: Summary | None, license_name: str) -> str:
    """Return the YAML between its two lines of dashes.

    Parameters
    ----------
    spec
        Spec of the model.
    evaluation
        Figures of the model, from ``cxr evaluate``.
    license_name
        License of the model, as Hugging Face names it; nothing is said where it is empty.
    """
    results: list[str] = []
    if facts := spec.provenance:
        worst = (facts.worst_group.name, facts.worst_group.auc) if facts.worst_group else None
        results += _result(
            facts.data or NOT_STATED,
            f"split: {json.dumps(_split_name(facts))}",
            [
                *_areas(facts.validation_auc, worst, facts.easy_auc),
                *_metrics(spec, spec.operating_point(), spec.prior),
            ],
        )
    if evaluation:
        found = evaluation.figures
        results += _result(
            f"{evaluation.group} ({found.images}), by cxr evaluate",
            f"revision: {evaluation.data_sha256}",
            [
                *_areas(found.auc, worst_group(evaluation.by_style)),
                *_metrics(spec, found.point(spec.default_operating_point)),
            ],
        )
    index = ["model-index:", f"- name: {json.dumps(spec.name)}", "  results:"] if results else []
    lines = [
        "---",
        "library_name: cxr-edge",
        *([f"license: {json.dumps(license_name)}"] if license_name else []),
        "pipeline_tag: image-classification",
        (
            f"tags: [chest-x-ray, {json.dumps(spec.labels[1].lower())}, onnx, tflite, "
            "research-use-only]"
        ),
        *index,
        *results,
        "---",
    ]
    return "\n".join(lines)


def knows_patients(facts: Provenance) -> bool:
    """Tell whether patients were known: where they were not, each image counted as one."""
    images = facts.training_films + facts.validation_films
    return facts.training_patients + facts.validation_patients < images


def _split_name(facts: Provenance) -> str:
    kind = "out of fold" if facts.out_of_fold else "validation"
    grouped = f"{kind}, grouped by patient" if knows_patients(facts) else kind
    return "; ".join(filter(None, (grouped, facts.caution)))


def _result(data: str, which: str, metrics: Sequence[str]) -> list[str]:
    return [
        "  - task: {type: image-classification}",
        "    dataset:",
        f"      name: {json.dumps(data)}",
        "      type: labelled-images",
        f"      {which}",
        "    metrics:",
        *metrics,
    ]


def _areas(
    overall: Interval | None, worst: tuple[str, Interval] | None, easy: Interval | None = None
) -> list[str]:
    """Return the AUC of the worst group first; the others never stand alone."""
    named = {
        f"roc_auc of the worst group, {worst[0]}" if worst else "": worst[1] if worst else None,
        "roc_auc of all images" if worst else f"roc_auc, {NOT_MEASURED}": overall,
        f"roc_auc without {COUNTER} images": easy,
    }
    return [_metric("roc_auc", name, area) for name, area in named.items() if area]


def _metrics(
    spec: ModelSpec, found: OperatingPoint | ConfusionMatrix, prior: Prior | None = None
) -> list[str]:
    negative, positive = spec.labels
    point = spec.default_operating_point
    return [
        _metric(
            kind,
            f"{kind} at {point}{f', {prior}' if prior and prior.weighs(label) else ''}",
            share,
        )
        for kind, label, share in (
            ("recall", positive, found.sensitivity),
            ("specificity", negative, found.specificity),
        )
        if share
    ]


def _metric(kind: str, name: str, found: Interval) -> str:
    return f"    - {{type: {kind}, name: {json.dumps(name)}, value: {found.value:.4f}}}"
