"""Outputs of a runtime, checked when they are made."""

from typing import Any

import numpy as np
import pytest

from cxr_edge.errors import ModelInvalid
from cxr_edge.runtimes.base import Outputs


def zeros(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.zeros(shape, dtype)


def test_outputs_of_the_same_images_are_taken() -> None:
    """Scores alone or with maps and features of as many images."""
    assert len(Outputs(zeros(3))) == 3
    assert len(Outputs(zeros(3), zeros(3, 7, 7), zeros(3, 64))) == 3


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"scores": zeros(3, 1)}, r"expected scores .* 1 axes .*got float32 of shape \(3, 1\)"),
        ({"scores": zeros(3, dtype="float64")}, r"expected scores in float32 .*got float64"),
        ({"scores": zeros(3), "maps": zeros(2, 7, 7)}, r"maps .* for 3 images, .* \(2, 7, 7\)"),
        ({"scores": zeros(3), "maps": zeros(3, 7)}, "expected maps"),
        ({"scores": zeros(3), "features": zeros(3, 2, 2)}, "expected features"),
    ],
)
def test_outputs_of_another_kind_are_refused(parts: dict[str, Any], message: str) -> None:
    """No map or feature vector is given to the wrong image."""
    with pytest.raises(ModelInvalid, match=message):
        Outputs(**parts)
