"""Content of a bundle, as asked for."""

from dataclasses import dataclass
from pathlib import Path

from cxr_export.packaging.bundle.platforms import Platform


@dataclass(frozen=True)
class BundleRequest:
    """Content of a bundle."""

    package: Path
    """Model package."""
    platform: Platform
    """Machine that it is for."""
    runtimes: tuple[str, ...]
    """Keys of :data:`cxr_edge.models.registry.RUNTIMES`."""
    pacs: bool = False
    """Whether it speaks DICOM with modalities and archives."""
    artefact: str = ""
    """The only artefact of the package to take; all that the runtimes run if empty."""
    constraints: Path | None = None
    """File of versions for pip; those installed here by default."""
    key: Path | None = None
    """Private key that signs it; none for a bundle that is not signed."""
