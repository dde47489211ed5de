"""Limits of each precision."""

import pytest

from cxr_edge.errors import UsageError
from cxr_edge.models.gates import GATES, Gate
from cxr_edge.models.package import FORMATS


def test_every_format_has_a_gate() -> None:
    """No artefact can be made that nothing judges."""
    assert {kind.precision for kind in FORMATS.values()} == set(GATES)


def test_full_precision_changes_no_label() -> None:
    """Only fewer bits may change a share of the labels."""
    assert {name for name, gate in GATES.items() if gate.flips == 0} == {"fp32"}


@pytest.mark.parametrize("limit", [-0.1, float("nan"), float("inf")])
def test_a_limit_is_a_number(limit: float) -> None:
    """NaN would let everything pass."""
    with pytest.raises(UsageError, match="flips"):
        Gate(0.1, flips=limit)
