"""Parity checks in tests of your own."""

from typing import Any

__all__ = ["CandidateParity", "Parity", "ParityAssertionError", "assert_parity"]


def __getattr__(name: str) -> Any:  # Any: as the name asked for
    """Return what :mod:`cxr_export.testing.assertion` offers, loaded when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cxr_export.testing import assertion

    return getattr(assertion, name)
