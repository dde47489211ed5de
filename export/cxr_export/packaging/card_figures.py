"""Headline of a model card, and the failures that are known."""

from cxr_edge.evaluation.appearance import by_appearance
from cxr_edge.evaluation.stated_groups import groups_of
from cxr_edge.evaluation.style_groups import COUNTER, EASY, GroupFigures
from cxr_edge.evaluation.summary import Summary
from cxr_edge.evaluation.worst_group import worst_of
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.validation import NOT_MEASURED


def headlines(spec: ModelSpec, evaluation: Summary | None) -> list[str]:
    """Return the AUC by each source, that of the worst group in bold and first."""
    stated: list[tuple[bool, float, str]] = []
    if facts := spec.provenance:
        worst = facts.worst_group
        value = (worst.auc if worst else facts.validation_auc).value
        stated.append((worst is None, value, facts.headline))
    if evaluation and (area := evaluation.figures.auc):
        worst = worst_of(evaluation.by_style, area)
        stated.append((worst is None, (worst.auc if worst else area).value, evaluation.headline))
    texts = [text for *_, text in sorted(stated)]
    return [f"**{texts[0]}.**", *(f"{text}." for text in texts[1:])] if texts else []


def failures(spec: ModelSpec, evaluation: Summary | None) -> list[str]:
    """Return the errors that are known, by appearance; nothing where there are no figures."""
    facts, point = spec.provenance, spec.operating_point()
    if facts and facts.groups:
        groups, source = groups_of(facts.groups, point), f"Measured {facts.measured}."
    elif evaluation and evaluation.by_style:
        groups, source = evaluation.by_style, f"By `cxr evaluate` on {evaluation.group}."
    elif facts or evaluation:
        return [
            "## Known failures",
            f"This model was {NOT_MEASURED}, where such networks fail most.",
        ]
    else:
        return []
    errors = [
        f"- {name} images: {_errors(spec, groups[name])}."
        for name in (COUNTER, EASY)
        if name in groups
    ]
    head = f"{source} At {point.name}:"
    shown = by_appearance(groups, point.name)
    return ["## Known failures", head, "\n".join(errors), *shown]


def _errors(spec: ModelSpec, found: GroupFigures) -> str:
    (negative, positive), at = spec.labels, found.at_point
    kinds = (
        (at.fp, at.fp + at.tn, negative, positive, "false positives"),
        (at.fn, at.fn + at.tp, positive, negative, "false negatives"),
    )
    return ", ".join(
        f"{wrong} of {total} {truth} images are labelled {label} ({kind})"
        for wrong, total, truth, label, kind in kinds
        if total
    )
