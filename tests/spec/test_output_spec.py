"""The output that a model gives."""

from typing import Any

import pytest

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.output_spec import PLAIN, OutputSpec, OutputValues

LUNGS = ["normal", "bacterial", "viral"]


@pytest.mark.parametrize(
    ("positive", "columns"), [("viral", (2,)), (["viral", "bacterial"], (2, 1)), (["normal"], (0,))]
)
def test_the_positive_class_is_found_by_its_name(
    positive: object, columns: tuple[int, ...]
) -> None:
    """One name, with or without a list, or several; the order of the columns is the classes'."""
    output = OutputSpec.from_dict({"classes": LUNGS, "positive": positive})
    assert output.positive_columns == columns
    assert output.values is OutputValues.PROBABILITY
    assert OutputSpec.from_dict(output.to_dict()) == output


def test_without_names_the_second_of_two_columns_is_positive() -> None:
    """This is the order of the labels."""
    assert PLAIN.positive_columns == (1,)
    assert PLAIN.plain
    assert not OutputSpec.from_dict({"values": "logit"}).plain


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"values": "logits"}, "expected probability or logit, got 'logits'"),
        ({"values": ["logit"]}, "expected probability or logit"),
        ({"classes": LUNGS}, "expected classes and positive together"),
        ({"positive": "viral"}, "expected classes and positive together"),
        ({"classes": LUNGS, "positive": "covid"}, "one or some of normal, bacterial, viral"),
        ({"classes": LUNGS, "positive": LUNGS}, "not all"),
        ({"classes": ["a", "a"], "positive": "a"}, "output classes: expected different names"),
        ({"classes": 3, "positive": "a"}, "output classes: expected different names, got 3"),
        ({"classes": LUNGS, "positive": 2}, "output positive: expected different names, got 2"),
        ({"classes": LUNGS, "positive": [" "]}, "output positive: expected different names"),
        ({"columns": 3}, "output: unknown field columns"),
        ([], "output: expected an object"),
    ],
)
def test_a_wrong_output_is_refused(fields: Any, message: str) -> None:
    """Each contradiction says what was expected."""
    with pytest.raises(SpecInvalid, match=message):
        OutputSpec.from_dict(fields)
