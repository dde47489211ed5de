"""The model card: its first lines, and what it says of errors."""

from dataclasses import replace

import pytest

from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.teacher_overlap import TeacherOverlap
from cxr_edge.spec.validation import NOT_MEASURED, Prior, StyleGroup, WorstGroup
from cxr_export.packaging.card import model_card

RATE, WORST = Interval(0.9, 0.85, 0.95), Interval(0.7, 0.6, 0.8)
ALL, EASY = Interval(0.95, 0.94, 0.96), Interval(0.99, 0.98, 1.0)
PLAIN = ModelSpec(
    name="net",
    labels=("CLEAR", "TB"),
    input=InputSpec(32, 32),
    operating_points=(OperatingPoint("screening", 0.4, RATE, RATE),),
    default_operating_point="screening",
    provenance=Provenance("edge", "films", "0" * 64, "cxr train", 1, 0.2, 80, 40, 20, 10, ALL),
)


def folds() -> ModelSpec:
    assert PLAIN.provenance is not None
    facts = replace(
        PLAIN.provenance,
        validated_by="folds",
        prior=Prior(0.2, (OperatingPoint("screening", 0.3),), ("TB",)),
        worst_group=WorstGroup("counter-style", WORST),
        easy_auc=EASY,
        groups=(
            StyleGroup("easy", EASY, EASY, 30, 2, 38, 4, 0.01),
            StyleGroup("counter-style", WORST, None, 0, 0, 5, 7, 0.25),
        ),
    )
    return replace(PLAIN, provenance=facts)


def test_the_first_figure_is_that_of_the_worst_group() -> None:
    """In the front matter and in the first lines, with the easy one beside it."""
    head, _, text = model_card(folds()).removeprefix("---\n").partition("\n---\n")
    areas = [line for line in head.splitlines() if "roc_auc" in line]
    assert len(areas) == 3
    assert "worst group, counter-style" in areas[0]
    assert "value: 0.7000" in areas[0]
    first = text.split("\n\n")[1]
    assert first.startswith(f"**AUC {WORST} for the worst group by appearance (counter-style)")
    assert str(EASY) in first
    assert "by networks that did not see the patient; the shipped network saw all images" in first


def test_a_figure_without_groups_says_what_it_does_not_measure() -> None:
    """Wherever the AUC stands, the words stand beside it."""
    card = model_card(PLAIN)
    lines = [line for line in card.splitlines() if f"{ALL}" in line or "roc_auc" in line]
    assert len(lines) == 3
    assert all(NOT_MEASURED in line for line in lines)
    assert "## Known failures" in card


def test_errors_are_counted_by_group() -> None:
    """False positives and false negatives of each group at the default threshold, and how far
    probabilities can be trusted there."""
    card = model_card(folds())
    assert "- counter-style images: 7 of 12 CLEAR images are labelled TB (false positives)." in card
    assert "2 of 32 TB images are labelled CLEAR (false negatives)." in card
    table = next(line for line in card.splitlines() if line.startswith("| counter-style |"))
    assert str(WORST) in table
    assert table.endswith("| 7 of 12 | - | 0.2500 |")


def test_a_teacher_that_may_have_seen_the_images_is_told() -> None:
    """In the front matter, in the first line and beside the AUC, and nowhere without one."""
    assert PLAIN.provenance is not None
    overlap = (TeacherOverlap("large@abababababab", None, 20),)
    card = model_card(replace(PLAIN, provenance=replace(PLAIN.provenance, teacher_overlap=overlap)))
    words = "may be too good: what teacher large@abababababab learned from is not known"
    lines = [line for line in card.splitlines() if words in line]
    assert [line.split()[0] for line in lines] == ["split:", "**AUC", "|"]
    assert "too good: " not in model_card(PLAIN)


@pytest.mark.parametrize(("prevalence", "values"), [("5 %", "0.321 / 0.994"), ("50 %", "0.900")])
def test_predictive_values_stand_beside_the_thresholds(prevalence: str, values: str) -> None:
    """They are those to expect at several prevalences."""
    card = model_card(PLAIN)
    assert f"PPV / NPV at {prevalence}" in card
    assert values in next(
        line for line in card.splitlines() if line.startswith("| screening | 0.3")
    )


def test_a_prior_is_stated_with_its_effect() -> None:
    """The share, the threshold with it and without, and the class that it did not weigh."""
    card = model_card(folds())
    assert "20 % of each class look like the other one" in card
    assert "| screening | 0.300000 | 0.400000 |" in card
    assert "TB images kept equal weights" in card


def test_weighted_figures_are_marked() -> None:
    """Each that a prior weighs, so that none is taken for one of the images as they are; those of
    a class with equal weights, and of a model without a prior, are not."""
    mark = "weighted for a share of 0.2 of counter-style images"
    card = model_card(folds())
    assert f'{{type: specificity, name: "specificity at screening, {mark}"' in card
    assert '{type: recall, name: "recall at screening",' in card
    assert "| name | threshold | sensitivity | weighted specificity |" in card
    assert f"Those called weighted are {mark} (--prior)." in card
    assert "| operating point | weighted PPV / NPV at 5 % |" in card
    assert "weighted" not in model_card(PLAIN)
