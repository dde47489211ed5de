"""The parts of a model: its files, their digests, and its spec."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.models.checksums import file_sha256, read_checksums
from cxr_edge.models.locate import DEFAULT, package_spec
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import FORMATS
from cxr_edge.models.registry import runtimes_of
from cxr_edge.spec.embedding import KERAS_SUFFIXES, read_appended_spec
from cxr_edge.spec.model_spec import ModelSpec

KNOWN: Final = (DEFAULT,)
"""Names of the models that are installed with the package."""

_PRECISIONS: Final = {kind.file: kind.precision for kind in FORMATS.values()}


@dataclass(frozen=True)
class ModelFile:
    """One file of a model."""

    name: str
    """Name in its folder."""
    size: int
    """Size in bytes."""
    sha256: str
    """Digest of its bytes."""
    precision: str
    """Precision of an artefact of a package; empty for any other file."""
    runtimes: tuple[str, ...]
    """Runtimes that run it, the preferred one first; none where no scan loads it."""


def files_of(model: Path) -> list[ModelFile]:
    """Return the files of a package that its checksum list names and that are there, or one file.

    Artefacts come first, the most exact one before the others.

    Raises
    ------
    ModelInvalid
        It is a folder and no package.
    """
    if model.is_file():
        return [_described(model)]
    listed = sorted(read_checksums(model))
    names = [name for name in _PRECISIONS if name in listed]
    names += [name for name in listed if name not in _PRECISIONS]
    return [_described(model / name) for name in names if (model / name).is_file()]


def spec_of(model: Path) -> ModelSpec:
    """Return the spec of a package or file.

    Raises
    ------
    ModelError
        It has none that can be read, or is no model.
    """
    if model.is_dir():
        return package_spec(model)
    if model.suffix.lower() in (*KERAS_SUFFIXES, ".tflite"):
        return read_appended_spec(model.read_bytes(), str(model))
    return open_artefact(str(model)).spec


def _described(file: Path) -> ModelFile:
    return ModelFile(
        name=file.name,
        size=file.stat().st_size,
        sha256=file_sha256(file),
        precision=_PRECISIONS.get(file.name, ""),
        runtimes=tuple(runtimes_of(file)),
    )
