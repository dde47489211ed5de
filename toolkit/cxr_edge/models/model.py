"""A model opened on this machine."""

from dataclasses import dataclass
from pathlib import Path

from cxr_edge.runtimes.base import Runtime
from cxr_edge.spec.model_spec import ModelSpec


@dataclass(frozen=True)
class Model:
    """A model opened on this machine."""

    sha256: str
    """Of the artefact's bytes."""
    runtime_name: str
    """Key of :data:`RUNTIMES`."""
    runtime: Runtime
    """What runs it."""
    artefact: str = ""
    """The file's name."""
    package: Path | None = None
    """The package that lists the file; None for a single file."""
    why: str = "asked for"
    """Why this runtime."""

    @property
    def spec(self) -> ModelSpec:
        """What it expects and means."""
        return self.runtime.spec

    @property
    def device_why(self) -> str:
        """Reason for the device."""
        return self.runtime.why

    @property
    def tag(self) -> str:
        """Name and first 12 digits of the digest, as in the report's ``model`` column."""
        return f"{self.spec.name}@{self.sha256[:12]}"
