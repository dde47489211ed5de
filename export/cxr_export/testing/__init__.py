"""Parity checks for the tests of other projects."""

from typing import Any

__all__ = ["CandidateParity", "Parity", "ParityAssertionError", "ParityWarning", "assert_parity"]


def __getattr__(name: str) -> Any:  # Any: as the name asked for
    """Return a name of :mod:`cxr_export.testing.assertion`, which is loaded at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cxr_export.testing import assertion

    return getattr(assertion, name)
