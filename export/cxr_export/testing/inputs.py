"""Models and images that a test compares, in any of several forms."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.labelled_image import UNKNOWN, LabelledImage
from cxr_edge.errors import DataError, SpecMissing, UsageError
from cxr_edge.models.checksums import check_checksums
from cxr_edge.models.locate import model_path, read_spec_file
from cxr_edge.models.package import FORMATS, ORIGINAL
from cxr_edge.runtimes.base import Runtime
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.keras_models.reference import open_reference
from cxr_export.parity.images import even_choice, list_parity_images

ModelLike: TypeAlias = str | Path | Runtime
"""``default``; a ``.keras``, ``.h5``, ``.onnx`` or ``.tflite`` file; a SavedModel folder; a model
package; or a runtime that is open already."""

DataLike: TypeAlias = str | Path | Sequence[str | Path] | NDArray[np.uint8]
"""Images: files, folders and manifests (``.csv``), or pixels of shape (N, H, W, C)."""


def read_spec(given: ModelSpec | str | Path | None, role: str) -> ModelSpec | None:
    """Return a spec that is given as an object, as a path, or not at all.

    Raises
    ------
    UsageError
        The file does not exist or cannot be read; the message names its ``role``.
    SpecInvalid, SpecUnknown
        The file is not a usable spec.
    """
    if given is None or isinstance(given, ModelSpec):
        return given
    path = Path(given)
    if not path.is_file():
        raise UsageError(f"{role}: expected a ModelSpec or a spec.json, {path} does not exist")
    return read_spec_file(path)


def model_name(model: ModelLike) -> str:
    """Return a file's name, or the one in a runtime's spec."""
    return Path(model).name if isinstance(model, str | Path) else model.spec.name


def open_one(model: ModelLike, spec: ModelSpec | None, role: str) -> Runtime:
    """Open one model.

    Parameters
    ----------
    model
        A runtime is returned as it is.
    spec
        Spec in place of the one inside a file.
    role
        ``reference`` or ``candidate``, for messages.

    Raises
    ------
    UsageError
        There is nothing at the path, or it is neither a path nor a runtime.
    ModelError
        As :func:`cxr_export.keras_models.reference.open_reference`.
    """
    if isinstance(model, str | Path):
        path = model_path(model)
        if not path.exists():
            raise UsageError(f"{role}: expected a model, {path} does not exist")
        try:
            return open_reference(path, spec, maps=True, features=True)
        except SpecMissing as exc:
            raise SpecMissing(
                f"{path}: expected a {role} with a cxr-edge spec inside, got one without; "
                "describe it with spec=, a ModelSpec or the path of a spec.json"
            ) from exc
    if not hasattr(model, "run") or not isinstance(getattr(model, "spec", None), ModelSpec):
        raise UsageError(
            f"{role}: expected a path or a Runtime, got {type(model).__name__}; save the model to "
            "a file, or wrap a Keras model: "
            "cxr_export.keras_models.runtime.KerasRuntime(model, spec)"
        )
    return model


def open_candidates(
    candidate: ModelLike, spec: ModelSpec | None, reference: ModelLike, fallback: ModelSpec
) -> Iterator[tuple[str, Runtime]]:
    """Open a candidate, or every artefact of a package, one after the other.

    Parameters
    ----------
    candidate
        The candidate as the test gives it.
    spec
        Spec in place of the one inside.
    reference
        The reference; left out if it is in the same package.
    fallback
        Spec for a model that has none.

    Yields
    ------
    tuple
        Name and runtime.

    Raises
    ------
    UsageError
        As :func:`open_one`; or a spec is given for a runtime, which has its own.
    ModelError
        As :func:`open_one`; or the package is incomplete or damaged.
    """
    if not isinstance(candidate, str | Path):
        if spec:
            raise UsageError(
                "candidate_spec: expected a model in a file, got a Runtime, which has its own spec"
            )
        runtime = open_one(candidate, None, "candidate")
        yield model_name(candidate), runtime
        return
    path = model_path(candidate)
    files = _artefacts(path, reference)
    if files:
        check_checksums(path, elsewhere=ORIGINAL)  # the reference takes its place
    for file in files or [path]:
        try:
            runtime = open_one(file, spec, "candidate")
        except SpecMissing:
            runtime = open_one(file, fallback, "candidate")
        yield f"{model_name(candidate)}/{file.name}" if files else model_name(candidate), runtime


def images_from(data: DataLike, spec: ModelSpec, count: int | None) -> ImageSet:
    """Load the images that a test gives, at most ``count`` of them, for a model's input.

    Raises
    ------
    UsageError
        A path does not exist, or the model does not take such pixels.
    DataError
        There is no image, or none that can be read.
    """
    if not isinstance(data, np.ndarray):
        paths = [data] if isinstance(data, str | Path) else data
        listed = list_parity_images([Path(path) for path in paths], spec.labels)
        chosen = even_choice(listed, count) if count else listed
        return load_images(chosen, spec.labels, spec.input, skip_unreadable=True)
    wanted = f"pixels (N, {', '.join(map(str, spec.input.shape))}) uint8"
    if data.dtype != np.uint8 or data.shape[1:] != spec.input.shape:
        raise UsageError(
            f"data: expected {wanted}, got {data.shape} {data.dtype}; give gray values as "
            "cxr_edge.imaging.preprocess.preprocess makes them from an image, before any scaling"
        )
    if not len(data):
        raise DataError(f"data: expected {wanted}, got no image")
    names = [f"image {number}" for number in range(len(data))][:count]
    made = tuple(LabelledImage(Path(name), UNKNOWN, name) for name in names)
    return ImageSet(spec.labels, made, data[:count], ("",) * len(names))


def with_channels(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return images, shape (N, H, W, C), with another number of channels, all the same gray."""
    if pixels.shape[-1] == channels:
        return pixels
    return np.repeat(pixels[..., :1], channels, axis=-1)


def _artefacts(path: Path, reference: ModelLike) -> list[Path]:
    """Return the models in a package; its Keras model too, unless that is the reference."""
    files = [path / kind.file for kind in FORMATS.values() if (path / kind.file).is_file()]
    original = path / ORIGINAL
    if files and original.is_file():
        known = model_path(reference) if isinstance(reference, str | Path) else Path()
        if original.resolve() not in (known.resolve(), (known / ORIGINAL).resolve()):
            files.insert(0, original)
    return files
