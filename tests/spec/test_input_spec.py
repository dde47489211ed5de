"""The input that a model takes."""

from cxr_edge.spec.input_spec import InputSpec


def test_an_input_says_how_pixels_are_scaled() -> None:
    """Two scalings are two inputs: a report begun with one is not continued with the other."""
    assert str(InputSpec(8, 8)) == "8x8x1 uint8"
    assert str(InputSpec(8, 8, scale=0.5)) != str(InputSpec(8, 8, scale=0.25))
