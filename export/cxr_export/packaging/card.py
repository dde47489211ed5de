"""The model card of a package, its ``README.md``."""

import json
from typing import Final

from cxr_edge import __version__
from cxr_edge.evaluation.figures import ConfusionMatrix
from cxr_edge.evaluation.summary import Summary
from cxr_edge.evaluation.tables import copies_table, figure_table, points_table, shifts_table
from cxr_edge.notice import NOTICE
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.provenance import Provenance
from cxr_export.parity.tables import Findings, as_markdown, headline

PARITY_HEADING: Final = "## Parity"


def model_card(
    spec: ModelSpec,
    evaluation: Summary | None = None,
    notes: str = "",
    parity: Findings | None = None,
) -> str:
    """Return the card as Markdown, headed by Hugging Face YAML with a ``model-index``.

    Parameters
    ----------
    spec
        Spec of the model.
    evaluation
        Figures of the model, from ``cxr evaluate``.
    notes
        Markdown that goes into the card as it is: how the model was chosen.
    parity
        Content of ``parity.json``.
    """
    parts = [_yaml(spec, evaluation), f"# {spec.name}", NOTICE, _usage(spec)]
    parts += [_operating_points(spec)]
    if spec.provenance:
        parts.append(_provenance(spec.provenance))
    if notes:
        parts.append(notes.strip())
    if evaluation:
        parts.append(_evaluation(spec, evaluation))
    if parity:
        parts.append(_parity(parity))
    parts.append(_LIMITS)
    return "\n\n".join(parts) + "\n"


def with_parity(card: str, parity: Findings) -> str:
    """Return a card with a new section on parity."""
    before = card.partition(f"{_LIMITS_HEADING}\n")[0].partition(f"{PARITY_HEADING}\n")[0]
    return f"{before}{_parity(parity)}\n\n{_LIMITS}\n"


_LIMITS_HEADING: Final = "## Limits"
_LIMITS: Final = f"""{_LIMITS_HEADING}

- Not a medical device. No clinical evaluation was made.
- The model knows only images like those it was trained on, named above. Other ages, hospitals,
  machines, views and diseases are outside. Models trained on one hospital's images fell from AUC
  0.95 to 0.54 on another's (Xin et al. 2021, Emergency Radiology).
- Validation figures are of other patients of the same data set; expect lower figures elsewhere.
- The thresholds were chosen on the validation images, so their validation figures are slightly too
  good. The intervals treat images of one patient as independent.
- Side letters, collimation and exposure differ between the classes of such sets, and a network
  can learn them in place of the lungs.
- Probabilities are calibrated, if at all, to the share of positives among the validation images;
  elsewhere that share differs."""


def _parity(findings: Findings) -> str:
    return f"""{PARITY_HEADING}

Every artefact was compared with the Keras model, from the bytes of the same files to the label, by
`cxr export` or `cxr verify`: {headline(findings)}. Times are those of the machine
that compared, one image per call.

{as_markdown(findings)}"""


def _yaml(spec: ModelSpec, evaluation: Summary | None) -> str:
    finding = json.dumps(spec.labels[1].lower())
    lines = [
        "---",
        "library_name: cxr-edge",
        "license: apache-2.0",
        "pipeline_tag: image-classification",
        f"tags: [chest-x-ray, {finding}, onnx, tflite, research-use-only]",
    ]
    if spec.provenance:
        lines += [
            "model-index:",
            f"- name: {json.dumps(spec.name)}",
            "  results:",
            "  - task: {type: image-classification}",
            "    dataset:",
            f"      name: {json.dumps(spec.provenance.data)}",
            "      type: labelled-images",
            "      split: validation, grouped by patient",
            "    metrics:",
            f"    - {{type: roc_auc, value: {spec.provenance.validation_auc.value:.4f}}}",
        ]
        lines += _metrics(spec, spec.operating_point())
    if evaluation:
        found = evaluation.figures
        lines += (
            []
            if spec.provenance
            else ["model-index:", f"- name: {json.dumps(spec.name)}", "  results:"]
        )
        lines += [
            "  - task: {type: image-classification}",
            "    dataset:",
            f"      name: {json.dumps(f'{evaluation.group} ({found.images}), by cxr evaluate')}",
            "      type: labelled-images",
            f"      revision: {evaluation.data_sha256}",
            "    metrics:",
        ]
        if found.auc:
            lines.append(f"    - {{type: roc_auc, value: {found.auc.value:.4f}}}")
        lines += _metrics(spec, found.point(spec.default_operating_point))
    return "\n".join([*lines, "---"])


def _metrics(spec: ModelSpec, found: OperatingPoint | ConfusionMatrix) -> list[str]:
    pairs = (("recall", found.sensitivity), ("specificity", found.specificity))
    name = spec.default_operating_point
    return [
        f"    - {{type: {kind}, name: {json.dumps(f'{kind} at {name}')}, value: {share.value:.4f}}}"
        for kind, share in pairs
        if share
    ]


def _usage(spec: ModelSpec) -> str:
    return f"""## Use

Classes {" and ".join(spec.labels)}; the model gives P({spec.labels[1]}). It takes
{spec.input} (batch, rows, columns, channels), 0 is black, made from a file by preprocessing
recipe {spec.input.recipe}; scaling is inside the graph. Written by cxr-edge {__version__}:

    cxr scan --model PACKAGE FOLDER --out report.csv"""


def _operating_points(spec: ModelSpec) -> str:
    head = (
        f"An image is labelled {spec.labels[1]} if its probability reaches the threshold. Default: "
        f"{spec.default_operating_point}. Validation figures with 95 % intervals (Wilson)."
    )
    rows = [
        (point.name, f"{point.threshold:.6f}", point.sensitivity, point.specificity)
        for point in spec.operating_points
    ]
    columns = ("name", "threshold", "sensitivity", "specificity")
    return f"## Operating points\n\n{head}\n\n{figure_table(columns, rows).markdown}"


def _provenance(facts: Provenance) -> str:
    return f"""## Training

| | |
| --- | --- |
| architecture | {facts.architecture}{_parameters(facts)} |
| data | {facts.data} |
| data digest | `{facts.data_sha256}` |
| command | `{facts.command}` |
| seed | {facts.seed} |
| trained on | {facts.training_films} images of {facts.training_patients} patients |
| validated on | {facts.validation_films} images of {facts.validation_patients} other patients |
| validation AUC | {facts.validation_auc} (DeLong) |

{_split(facts)} Exact duplicates were left out before the split. The weights
are those of the epoch with the best validation figure. The thresholds were chosen on the validation
images and on changed copies of them (other exposure, crop, compression), so that `screening`
keeps its sensitivity on each of them."""


def _parameters(facts: Provenance) -> str:
    return f", {facts.parameters:,} parameters" if facts.parameters else ""


def _split(facts: Provenance) -> str:
    if facts.split_seed is None:
        return "The split is by patient, as given in a manifest."
    return (
        f"The split is by patient: a hash of seed {facts.split_seed} and patient holds out\n"
        f"{facts.validation_fraction:g} of the patients."
    )


def _evaluation(spec: ModelSpec, found: Summary) -> str:
    parts = [
        "## Evaluation",
        (
            f"By `cxr evaluate` on {found.group} ({found.figures.images}, "
            f"{found.figures.positives} of them {spec.labels[1]}, of {found.patients} patients): "
            f"AUC {found.figures.auc or '-'}, "
            f"calibration error {found.figures.calibration_error:.4f}."
        ),
        points_table(found.figures).markdown,
    ]
    if found.copies:
        name = spec.default_operating_point
        parts += ["The same images, changed:", copies_table(found.copies, name).markdown]
    if found.counterfactual:
        text = "Marks and borders, which should not matter, and a blur:"
        parts += [text, shifts_table(found.counterfactual).markdown]
    return "\n\n".join(parts)
