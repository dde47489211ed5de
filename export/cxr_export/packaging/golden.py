"""The golden images of a package: synthetic images, and the artefacts' results on them."""

from pathlib import Path
from typing import Final

import numpy as np

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.imaging.sniff import Format, identify
from cxr_edge.models.golden_set import TOLERANCES, GoldenArtefact, GoldenImage, GoldenSet
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import FORMATS, SELFTEST
from cxr_edge.spec.input_spec import InputSpec

IMAGES: Final = Path(__file__).parent / "golden"
"""One file for each way in which an image can arrive, made by ``samples/generate.py``."""

LOSSLESS_GRAY_LEVELS: Final = 4
"""OpenCV's bilinear enlarging on aarch64 was seen to differ from x86-64 by 3 gray levels, its area
averaging by none; the mildest wrong interpolation differs by 11 at its worst pixel."""

JPEG_GRAY_LEVELS: Final = LOSSLESS_GRAY_LEVELS + 1
"""JPEG decoders may differ by one more."""

MEAN_GRAY_LEVELS: Final = 0.5
"""Seen between these CPUs: 0.21. One gray level everywhere, by a wrong rounding, is 1."""


def write_selftest(package: Path) -> None:
    """Write ``selftest.zip``: the results of every artefact in the folder on the golden images.

    Parameters
    ----------
    package
        A folder with artefacts by the names of :data:`cxr_edge.models.package.FORMATS`; all are
        opened by their runtimes.

    Raises
    ------
    ModelInvalid
        There is no artefact, or they take different inputs.
    ModelError
        An artefact cannot be run, or gives no probability.
    """
    kinds = [kind for kind in FORMATS.values() if (package / kind.file).is_file()]
    models = {kind: open_artefact(str(package / kind.file), kind.runtime) for kind in kinds}
    inputs = {model.spec.input for model in models.values()}
    if len(inputs) != 1:
        got = ", ".join(map(str, inputs)) or "none"
        raise ModelInvalid(f"{package}: expected artefacts of one input, got {got}")
    (spec,) = inputs
    images = golden_images(spec)
    pixels = np.stack([image.pixels for image in images])
    found = {}
    for kind, model in models.items():
        scores = tuple(model.runtime.run(pixels).scores.astype(float).tolist())
        try:
            found[kind.file] = GoldenArtefact(scores, TOLERANCES[kind.precision])
        except ValueError as exc:
            raise ModelError(f"{package / kind.file} fails on the golden images: {exc}") from exc
    (package / SELFTEST).write_bytes(GoldenSet(spec, images, found).to_bytes())


def golden_images(spec: InputSpec) -> tuple[GoldenImage, ...]:
    """Return the golden images with their pixels for a model's input, sorted by name."""
    return tuple(_image(path, spec) for path in sorted(IMAGES.iterdir()))


def _image(path: Path, spec: InputSpec) -> GoldenImage:
    data = path.read_bytes()
    pixels = preprocess(decode(data, spec), spec)
    jpeg = identify(data) is Format.JPEG
    levels = JPEG_GRAY_LEVELS if jpeg else LOSSLESS_GRAY_LEVELS
    return GoldenImage(path.name, data, pixels, levels, MEAN_GRAY_LEVELS)
