"""Statistics in a spec: read as they were written, and refused where they are not whole."""

import dataclasses
from typing import Any

import pytest
from statistics_of import statistics

from cxr_edge.errors import CxrError, SpecInvalid
from cxr_edge.spec.input_statistics import MOST_TEXT, InputStatistics
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.packed import pack, unpack


def test_numbers_survive_their_text() -> None:
    """Each is the nearest float32, also the smallest."""
    assert unpack(pack([0.5, -2.0, 1e-30]), 3, "x") == pytest.approx((0.5, -2.0, 1e-30))
    assert unpack(pack([]), 0, "x") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (pack([1.0, 2.0]), "expected 3 numbers.*got 2"),
        ("AAAA", "got 0.75"),
        ("no base64!", "got other text"),
        ("é", "got other text"),
        (None, "got NoneType"),
        (pack([1.0, 2.0, float("nan")]), "not finite"),
    ],
)
def test_text_of_other_numbers_is_refused(text: object, message: str) -> None:
    """A number too few, one that is none, or no numbers at all."""
    with pytest.raises(SpecInvalid, match=message):
        unpack(text, 3, "x")


def test_a_spec_keeps_its_statistics(spec: ModelSpec) -> None:
    """They are read from its JSON as they were; a spec without any stays byte for byte as it is."""
    known = dataclasses.replace(spec, input_check=statistics())
    assert ModelSpec.from_json(known.to_json()) == known
    assert "input_check" not in spec.to_json()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("version", 2, "this version reads 1, got 2"),
        ("features", 4, "mean: expected 4 numbers"),
        ("features", True, "expected counts over 0"),
        ("components", 0, "expected counts over 0"),
        ("components", 10**9, "expected counts over 0"),
        ("variances", pack([1.0, 0.0]), "variances over 0"),
        ("rest", 0, "expected a variance and a distance over 0"),
        ("most", float("inf"), "expected a variance and a distance over 0"),
        ("weights", "", "weights: expected"),
        ("directions", "A" * (MOST_TEXT + 1), "characters of numbers, got"),
        ("mean", 3, "expected 3 numbers, as float32 in base64, got int"),
        ("groups", [{"name": "photo", "images": 1, "flagged": 2}], "expected a name and counts"),
        ("groups", None, "expected a list"),
        ("other", 1, "unknown field other"),
    ],
)
def test_statistics_that_are_not_whole_are_refused(field: str, value: Any, message: str) -> None:
    """Each field is checked when a model is opened, not when the first image is."""
    data = statistics().to_dict() | {field: value}
    with pytest.raises(CxrError, match=message):
        InputStatistics.from_dict(data)


def test_statistics_name_their_version() -> None:
    """Without one it is not known what the numbers mean."""
    data = statistics().to_dict()
    del data["version"]
    with pytest.raises(SpecInvalid, match="version missing"):
        InputStatistics.from_dict(data)
