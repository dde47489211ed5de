"""Ranges of settings."""

import numpy as np
import pytest

from cxr_edge.errors import UsageError
from cxr_edge.system.ranges import SECONDS, SHARE, WORKERS


def test_numbers_of_all_kinds_are_taken() -> None:
    """NumPy's too, as a notebook has them; whole numbers also where fractions are allowed."""
    for value in (1, 1024, np.int64(7), np.uint8(7)):
        WORKERS.require("workers", value)
    for share in (0, 1, 0.5, np.float32(0.5)):
        SHARE.require("threshold", share)


@pytest.mark.parametrize(
    "value", [0, -1, 1025, 10**400, 2.0, float("nan"), True, "4", None, [4], 1 + 0j]
)
def test_anything_else_is_refused(value: object) -> None:
    """The message names the setting, its range and what was given."""
    with pytest.raises(
        UsageError, match=r"^workers: expected a whole number from 1 to 1024, got .{1,83}$"
    ):
        WORKERS.require("workers", value)


@pytest.mark.parametrize("value", [0.09, 86400.1, float("nan"), float("inf"), -float("inf")])
def test_what_is_no_finite_number_is_in_no_range(value: float) -> None:
    """NaN and infinity among them."""
    assert value not in SECONDS
