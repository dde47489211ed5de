"""The input that a model takes."""

from typing import Any

import pytest

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.input_spec import InputSpec


def test_an_input_says_how_pixels_are_scaled() -> None:
    """Two scalings are two inputs: a report begun with one is not continued with the other."""
    assert str(InputSpec(8, 8)) == "8x8x1 uint8"
    assert str(InputSpec(8, 8, scale=0.5)) != str(InputSpec(8, 8, scale=0.25))


def test_channels_may_be_scaled_each_in_its_own_way() -> None:
    """Lists survive JSON; numbers that are all the same are one number."""
    taken = InputSpec(8, 8, 3, scale=(0.1, 0.2, 0.3), offset=-1)
    assert taken.to_dict()["scale"] == [0.1, 0.2, 0.3]
    assert InputSpec.from_dict(taken.to_dict()) == taken
    assert (taken.scales, taken.offsets) == ((0.1, 0.2, 0.3), (-1.0,))
    assert str(taken) != str(InputSpec(8, 8, 3, scale=(0.1, 0.2, 0.4), offset=-1))
    assert InputSpec(8, 8, 3, scale=(1, 1, 1), offset=(0, 0, 0)).raw


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scale": [1, 2]}, "input scale: expected a finite number, or 3, one for each channel"),
        ({"scale": [1, 2, "3"]}, "input scale: expected a finite number, or 3"),
        ({"offset": [0, 0, float("nan")]}, "input offset: expected a finite number, or 3"),
        ({"offset": [0, 0, 10**400]}, "input offset: expected a finite number, or 3"),
        ({"scale": [1, 0, 1]}, "other than 0"),
        ({"scale": [1, 2, 3], "channels": 1}, "input scale: expected a finite number, got"),
    ],
)
def test_a_wrong_scale_of_channels_is_refused(fields: dict[str, Any], message: str) -> None:
    """It has as many finite numbers as channels, and none is a scale of 0."""
    with pytest.raises(SpecInvalid, match=message):
        InputSpec.from_dict({"channels": 3, **fields})
