"""The golden set of a package: images, and the probabilities recorded for them at export."""

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid, SpecInvalid, SpecUnknown
from cxr_edge.models.checksums import check_listed, has_or_lists
from cxr_edge.models.gates import FP16_DIFFERENCE, FP32_DIFFERENCE
from cxr_edge.models.package import CHECKSUMS, GOLDEN_IMAGES, SELFTEST
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.precision import Precision
from cxr_edge.storage.bounded import MAX_JSON, open_archive, parse_json, read_at_most, read_member

GOLDENSET_VERSION: Final = 1
"""Version of ``selftest.json``; a reader refuses what it does not know."""

TOLERANCES: Final[Mapping[Precision, float]] = {
    Precision.FP32: FP32_DIFFERENCE,
    Precision.FP16: FP16_DIFFERENCE,
    Precision.INT8: 0.05,
    Precision.DYNAMIC: 0.05,
}
"""Largest |Δp| between CPUs for the same pixels, by precision; fp32 and fp16 as in the gates.

Seen between x86-64 and aarch64, and between the kernels of one library: fp32 and fp16 2e-6, int8
0.02, dynamic 0.011, where one integer rounds otherwise. An int8 artefact that saturates is off by
0.1 and more.
"""

_MAX_BYTES: Final = 1 << 28
_INDEX: Final = "selftest.json"
_PIXELS: Final = "pixels/"


@dataclass(frozen=True)
class GoldenImage:
    """One image file and the pixels made of it at export."""

    name: str
    """Name of the file."""
    data: bytes
    """All bytes of the file."""
    pixels: NDArray[np.uint8]
    """Pixels after preprocessing, uint8 of shape (H, W, C)."""
    gray_levels: int
    """Largest difference of a pixel, in gray levels, that passes on another machine."""
    mean_gray_levels: float
    """Largest mean difference that passes."""


@dataclass(frozen=True)
class GoldenArtefact:
    """Probabilities of one artefact at export."""

    probabilities: tuple[float, ...]
    """Probabilities for the images' pixels, in the images' order."""
    tolerance: float
    """Largest |Δp| that passes on another machine."""

    def __post_init__(self) -> None:
        numbers = (*self.probabilities, self.tolerance)
        if not all(0 <= number <= 1 for number in numbers):  # NaN neither
            raise ValueError(f"expected probabilities and a tolerance from 0 to 1, got {numbers}")


@dataclass(frozen=True)
class GoldenSet:
    """Content of ``selftest.zip``."""

    input: InputSpec
    """Input that the images were preprocessed for."""
    images: tuple[GoldenImage, ...]
    """Golden images, at least one."""
    artefacts: Mapping[str, GoldenArtefact]
    """Artefacts by their file in the package."""

    def __post_init__(self) -> None:
        if not self.images:
            raise ValueError("expected golden images, got none")
        for image in self.images:
            if image.pixels.shape != self.input.shape or image.pixels.dtype != np.uint8:
                raise ValueError(f"expected pixels of {self.input} for {image.name}")
        for name, artefact in self.artefacts.items():
            if len(artefact.probabilities) != len(self.images):
                raise ValueError(f"expected one probability per image for {name}")

    def to_bytes(self) -> bytes:
        """Return the zip; the same set gives the same bytes."""
        index = {
            "selftest_version": GOLDENSET_VERSION,
            "input": self.input.to_dict(),
            "films": {
                image.name: {
                    "gray_levels": image.gray_levels,
                    "mean_gray_levels": image.mean_gray_levels,
                }
                for image in self.images
            },
            "artefacts": {
                name: dataclasses.asdict(found) for name, found in self.artefacts.items()
            },
        }
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            text = json.dumps(index, indent=2, ensure_ascii=False) + "\n"
            archive.writestr(_member(_INDEX), text)
            for image in self.images:
                pixels = io.BytesIO()
                np.save(pixels, image.pixels, allow_pickle=False)
                archive.writestr(_member(GOLDEN_IMAGES + image.name), image.data)
                archive.writestr(_member(_PIXELS + image.name + ".npy"), pixels.getvalue())
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> Self:
        """Read what :meth:`to_bytes` wrote.

        Raises
        ------
        ModelInvalid
            The set is damaged, has a version unknown here, or was made by another recipe.
        """
        try:
            with open_archive(io.BytesIO(data)) as archive:
                index = parse_json(read_member(archive, _INDEX, MAX_JSON))
                version = index["selftest_version"]
                if version != GOLDENSET_VERSION:
                    raise ModelInvalid(
                        f"{source}: this version reads selftest_version {GOLDENSET_VERSION}, "
                        f"got {version!r}; install a newer cxr-edge"
                    )
                spec = InputSpec.from_dict(index["input"])
                return cls(
                    input=spec,
                    images=tuple(
                        _image(archive, name, spec, **facts)
                        for name, facts in index["films"].items()
                    ),
                    artefacts={
                        name: GoldenArtefact(tuple(found["probabilities"]), found["tolerance"])
                        for name, found in index["artefacts"].items()
                    },
                )
        except SpecUnknown as exc:
            raise ModelInvalid(f"{source}: {exc}") from exc
        except (
            SpecInvalid, ValueError, KeyError, TypeError, AttributeError, OverflowError,
        ) as exc:  # fmt: skip
            raise ModelInvalid(
                f"{source}: expected the golden images of 'cxr export', got a damaged file "
                f"({exc}); copy or export the package again"
            ) from exc


def read_golden_set(package: Path) -> GoldenSet | None:
    """Read a package's golden set; None where it has none, as older packages have.

    Raises
    ------
    ModelInvalid
        The file is damaged, missing though listed, or not the one listed.
    """
    path = package / SELFTEST
    if not has_or_lists(package, SELFTEST):
        return None
    try:
        data = read_at_most(path, _MAX_BYTES)
    except OSError as exc:
        raise ModelInvalid(
            f"{path} is listed in {CHECKSUMS} but cannot be read ({exc.strerror}); "
            "copy the package again"
        ) from exc
    check_listed(package, SELFTEST, hashlib.sha256(data).hexdigest())
    return GoldenSet.from_bytes(data, str(path))


def _image(
    archive: zipfile.ZipFile,
    name: str,
    spec: InputSpec,
    *,
    gray_levels: int,
    mean_gray_levels: float,
) -> GoldenImage:
    pixels = _pixels(read_member(archive, f"{_PIXELS}{name}.npy"), spec)
    data = read_member(archive, GOLDEN_IMAGES + name)
    return GoldenImage(name, data, pixels, int(gray_levels), float(mean_gray_levels))


def _pixels(data: bytes, spec: InputSpec) -> NDArray[np.uint8]:
    """Read a ``.npy`` file, which must have the shape of the model's input."""
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("expected version 1.0 of numpy's format")
    try:
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
    except (RecursionError, MemoryError) as exc:  # numpy parses it as Python
        raise ValueError("its header is nested too deeply") from exc
    if (shape, by_columns, dtype) != (spec.shape, False, np.dtype(np.uint8)):
        raise ValueError(f"expected pixels of {spec}, got {dtype} of shape {shape}")
    return np.frombuffer(file.read(), np.uint8).reshape(shape)


def _member(name: str) -> zipfile.ZipInfo:
    """Return a member with a fixed date, so that the bytes depend on the content alone."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
