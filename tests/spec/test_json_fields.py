"""Values and fields from JSON."""

import math
from dataclasses import dataclass

import pytest

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.json_fields import build, is_int, is_number, is_text, mapping, sequence


@dataclass(frozen=True)
class Size:
    """A class with a field that must be there and one that need not."""

    width: int
    height: int = 1


def test_true_is_no_number() -> None:
    """JSON's true and false do not pass for 1 and 0, nor NaN for a number."""
    assert [is_int(value) for value in (1, True, 1.0, "1")] == [True, False, False, False]
    numbers = (1, 1.5, True, math.nan, math.inf, "1")
    assert [is_number(value) for value in numbers] == [True, True, False, False, False, False]


@pytest.mark.parametrize("value", ["", " ", "a\nb", "=1+1", "a\u202eb", 1, None])
def test_text_can_stand_in_a_report(value: object) -> None:
    """Blank text, control characters and formulas are no names."""
    assert is_text("Normal (adult)")
    assert not is_text(value)


def test_fields_are_those_of_the_class() -> None:
    """A field may be left out only if it has a default, and none may be made up."""
    assert build(Size, {"width": 2}, "size") == Size(2, 1)
    with pytest.raises(SpecInvalid, match="size: width missing"):
        build(Size, {"height": 2}, "size")
    with pytest.raises(SpecInvalid, match="size: unknown field depth"):
        build(Size, {"width": 2, "depth": 3}, "size")


def test_the_kind_of_a_value_is_named() -> None:
    """A list in place of an object is an error that says where."""
    with pytest.raises(SpecInvalid, match="input: expected an object, got list"):
        mapping([], "input")
    with pytest.raises(SpecInvalid, match="labels: expected a list, got str"):
        sequence("AB", "labels")
