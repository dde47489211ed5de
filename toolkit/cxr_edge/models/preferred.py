"""The artefact and runtime that a started report used, and that continuing it prefers."""

from dataclasses import dataclass
from typing import Final

from cxr_edge.spec.on_input_check import OnInputCheck

SAME_REPORT: Final = "same as when this report was started"
"""Reason for a choice that continuing a report makes, in the run manifest."""


@dataclass(frozen=True)
class Preferred:
    """Choice that ``auto`` makes again where the package still has it."""

    runtime: str
    """Key of :data:`cxr_edge.models.registry.RUNTIMES`."""
    model_sha256: str
    """Digest of the artefact."""
    batch_size: int
    """Images per model call, on a device."""
    why: str = SAME_REPORT
    """Reason for the runtime."""
    batch_why: str = SAME_REPORT
    """Reason for the batch size."""
    on_input_check: str = OnInputCheck.FLAG
    """Answer to images that should not be scored; versions without it labelled them all."""
