"""A model's name or path to its files and spec."""

import hashlib
from pathlib import Path
from typing import Final

from cxr_edge.errors import ModelInvalid, SpecInvalid, SpecUnknown, UsageError
from cxr_edge.spec.embedding import SPEC_MEMBER
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.spec_file import SpecFile
from cxr_edge.storage.bounded import MAX_JSON, read_at_most
from cxr_edge.system.printable import printable

DEFAULT: Final = "default"
"""Name of the model that is installed with the package."""


def default_package() -> Path:
    """Return the folder of the embedded default model."""
    return Path(__file__).parent / DEFAULT


def model_path(reference: str | Path) -> Path:
    """Return the path that a reference means: ``default`` is the embedded model."""
    return default_package() if str(reference) == DEFAULT else Path(reference)


def package_spec(package: Path) -> ModelSpec:
    """Read the spec of a package.

    Raises
    ------
    ModelInvalid
        The folder has no spec.
    SpecInvalid, SpecUnknown
        The spec cannot be used.
    """
    path = package / SPEC_MEMBER
    try:
        return ModelSpec.from_json(read_at_most(path, MAX_JSON))
    except OSError as exc:
        raise ModelInvalid(
            f"{package} is not a model package ({SPEC_MEMBER} cannot be read: {exc.strerror}); "
            "make one with 'cxr export'"
        ) from exc


def read_spec_file(path: Path) -> ModelSpec:
    """Read a ``spec.json``.

    Raises
    ------
    UsageError
        The file cannot be read.
    SpecInvalid, SpecUnknown
        The spec cannot be used.
    """
    return identified_spec(path)[0]


def identified_spec(path: Path) -> tuple[ModelSpec, SpecFile]:
    """Read a ``spec.json``, and tell which file it was; raises as :func:`read_spec_file`."""
    try:
        text = read_at_most(path, MAX_JSON)
        spec = ModelSpec.from_json(text)
    except OSError as exc:
        raise UsageError(f"--spec: {path} cannot be read: {exc.strerror}") from exc
    except (SpecInvalid, SpecUnknown) as exc:
        raise type(exc)(f"--spec: {path}: {exc}") from exc
    return spec, SpecFile(printable(path.name), hashlib.sha256(text).hexdigest(), spec.site)
