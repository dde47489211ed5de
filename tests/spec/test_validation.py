"""What a model says of its validation."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.teacher_overlap import TeacherOverlap
from cxr_edge.spec.validation import NOT_MEASURED, TOO_FEW, Prior, StyleGroup, WorstGroup

AREA, WORST, EASY = Interval(0.95, 0.94, 0.96), Interval(0.8, 0.7, 0.9), Interval(0.99, 0.98, 1.0)
PLAIN = Provenance("edge", "films", "0" * 64, "cxr train DATA", 1, 0.2, 80, 40, 20, 10, AREA)
FULL = replace(
    PLAIN,
    validated_by="folds",
    prior=Prior(0.0, (OperatingPoint("screening", 0.3),), ("NORMAL",)),
    worst_group=WorstGroup("counter-style", WORST),
    easy_auc=EASY,
    groups=(StyleGroup("counter-style", WORST, None, 3, 1, 5, 2, 0.1),),
    teacher_overlap=(TeacherOverlap("a@0", 2, 20), TeacherOverlap("b@1", None, 20)),
)


def test_the_json_has_only_what_is_known() -> None:
    """A model without figures by appearance has the JSON that it had before there were any."""
    new = {"validated_by", "prior", "worst_group", "easy_auc", "groups", "teacher_overlap"}
    assert not new & PLAIN.to_dict().keys()
    assert new <= FULL.to_dict().keys()
    for facts in (PLAIN, FULL):
        assert Provenance.from_dict(json.loads(json.dumps(facts.to_dict()))) == facts


def test_the_headline_is_never_the_easy_figure_alone() -> None:
    """The worst group comes first and is named; without one it is said that it was not measured."""
    assert FULL.headline.startswith(f"AUC {WORST} for the worst group by appearance")
    assert "(counter-style)" in FULL.headline
    assert f"{EASY} without counter-style images" in FULL.headline
    alone = replace(FULL, teacher_overlap=())
    assert alone.headline.endswith("the shipped network saw all images")
    few = replace(FULL, worst_group=WorstGroup("cluster 3", WORST, counter_style=False))
    assert TOO_FEW in few.headline
    assert TOO_FEW not in FULL.headline
    assert PLAIN.headline == f"AUC {AREA} on the validation images; {NOT_MEASURED}"


def test_the_headline_says_that_a_teacher_may_have_seen_the_images() -> None:
    """How many, or that nobody knows; without such a teacher nothing is said."""
    assert FULL.headline.endswith(
        "the shipped network saw all images; figures may be too good: teacher a@0 learned from 2 "
        "of the 20 validation images; what teacher b@1 learned from is not known"
    )
    assert not PLAIN.caution


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("validated_by", "luck"),
        ("prior", {"share": 2, "points_without": []}),
        ("prior", {"share": 0.5}),
        ("worst_group", {"name": "", "auc": WORST.to_dict()}),
        ("worst_group", {"name": "easy"}),
        ("worst_group", {"name": "easy", "auc": WORST.to_dict(), "counter_style": "yes"}),
        ("easy_auc", 0.9),
        ("teacher_overlap", ["a"]),
        ("teacher_overlap", [{"teacher": "a@0", "learned_from": -1, "images": 2}]),
        ("teacher_overlap", [{"teacher": "", "learned_from": None, "images": 2}]),
        ("groups", {}),
        ("groups", [{"name": "easy"}]),
        ("groups", [FULL.groups[0].to_dict() | {"fp": -1}]),
        ("groups", [FULL.groups[0].to_dict() | {"calibration_error": None}]),
    ],
)
def test_what_somebody_else_wrote_is_checked(field: str, value: Any) -> None:
    """A field of another kind is a spec that cannot be read, and no traceback."""
    with pytest.raises(SpecInvalid):
        Provenance.from_dict(FULL.to_dict() | {field: value})
