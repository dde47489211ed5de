"""A model opened on this machine."""

from dataclasses import dataclass
from pathlib import Path

from cxr_edge.runtimes.base import Runtime
from cxr_edge.spec.model_spec import ModelSpec


@dataclass(frozen=True)
class Model:
    """A model opened on this machine."""

    sha256: str
    """SHA-256 of the artefact's bytes."""
    runtime_name: str
    """Key of ``RUNTIMES`` or ``ORIGINALS`` in :mod:`cxr_edge.models.registry`."""
    runtime: Runtime
    """Runtime with the model loaded."""
    artefact: str = ""
    """Name of the file."""
    package: Path | None = None
    """Package that lists the file; None for a single file."""
    folder: Path | None = None
    """Folder of the file; None for a model that was made in this process."""
    why: str = "asked for"
    """Reason for the runtime, as a clause for the run manifest."""

    @property
    def spec(self) -> ModelSpec:
        """Spec of the model: the input that it expects and what its output means."""
        return self.runtime.spec

    @property
    def device_why(self) -> str:
        """Reason for the device, as a clause for the run manifest."""
        return self.runtime.why

    @property
    def tag(self) -> str:
        """Name and first 12 digits of the digest, as in the report's ``model`` column."""
        return f"{self.spec.name}@{self.sha256[:12]}"
