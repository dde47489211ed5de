"""The artefact and runtime that a started report used, and that continuing it prefers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preferred:
    """What ``auto`` takes again where the package still has it."""

    runtime: str
    """Key of :data:`cxr_edge.models.registry.RUNTIMES`."""
    model_sha256: str
    """Digest of the artefact."""
    batch_size: int
    """Images per model call, on a device."""
