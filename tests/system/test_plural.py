"""Counts in words."""

import pytest

from cxr_edge.system.plural import counted


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 files are"), (1, "1 file is"), (2, "2 files are")]
)
def test_one_is_singular(count: int, said: str) -> None:
    """Every other number, 0 too, is plural."""
    assert counted(count, "file is", "files are") == said
