"""DICOM bytes to 8-bit gray: the only importer of pydicom."""

from io import BytesIO
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxr_edge.errors import (
    Corrupt,
    NoPixelData,
    NotAnImage,
    Truncated,
    UnsupportedCompression,
    UnsupportedFormat,
)
from cxr_edge.formats import Format
from cxr_edge.images import SourceFacts, check_size

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

_UNCOMPRESSED: Final = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
_PHOTOMETRICS: Final = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL")


def decode_dicom(data: bytes) -> tuple[NDArray[np.uint8], SourceFacts]:
    """Decode the first frame of a DICOM file.

    Stored values pass the Modality LUT (PS3.3 C.11.1), the VOI LUT or window (C.11.2) or,
    without one, the full range of the stored bits, and are scaled to 0..255; MONOCHROME1 is
    inverted last (C.7.6.3.1.2).

    Parameters
    ----------
    data
        All bytes of the file.

    Returns
    -------
    tuple
        Pixels, uint8 of shape (rows, columns), and what the report says of the source. Nothing
        that identifies a patient is read.

    Raises
    ------
    ImageError
        ``not-an-image``, ``no-pixel-data``, ``unsupported-compression``,
        ``unsupported-format``, ``truncated``, ``too-large`` or ``corrupt``.
    """
    dataset = _parse(data)
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    if photometric not in _PHOTOMETRICS:
        raise UnsupportedFormat(
            f"expected DICOM pixels that are {', '.join(_PHOTOMETRICS)}, came {photometric}; "
            "convert it to PNG"
        )
    frames = int(dataset.get("NumberOfFrames") or 1)
    try:
        stored = pixel_array(dataset, index=0 if frames > 1 else None)
        gray = _to_gray(dataset, stored, photometric)
    except (AttributeError, ValueError, IndexError, KeyError, TypeError, OverflowError) as exc:
        if "length of the pixel data" in str(exc):
            raise Truncated(f"the DICOM file ends within its pixels ({len(data)} bytes)") from exc
        raise Corrupt(f"the DICOM file's pixels cannot be read: {exc}") from exc
    flags = []
    if stored.ndim > 2:
        flags.append("color")
    if frames > 1:
        flags.append("multi-frame")
    return gray, SourceFacts(int(dataset.Columns), int(dataset.Rows), Format.DICOM, tuple(flags))


def _parse(data: bytes) -> "FileDataset":
    try:
        dataset = dcmread(BytesIO(data))
    except InvalidDicomError as exc:
        raise NotAnImage("expected a DICOM file, came something without its header") from exc
    except EOFError as exc:
        raise Truncated(f"the DICOM file ends within its header ({len(data)} bytes)") from exc
    except (AttributeError, KeyError, NotImplementedError, OSError, TypeError, ValueError) as exc:
        raise Corrupt(f"the DICOM file cannot be parsed: {exc}") from exc
    if "PixelData" not in dataset:
        if "Rows" in dataset:
            raise Truncated(f"the DICOM file ends before its pixels ({len(data)} bytes)")
        raise NoPixelData("expected DICOM with pixels, came a document or plan without")
    syntax = dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)
    if syntax not in _UNCOMPRESSED:
        raise UnsupportedCompression(
            f"expected uncompressed DICOM, came {syntax.name}; decompress it first"
        )
    check_size(int(dataset.get("Columns", 0)), int(dataset.get("Rows", 0)))
    return dataset


def _to_gray(dataset: "FileDataset", stored: NDArray[np.generic], kind: str) -> NDArray[np.uint8]:
    if kind == "YBR_FULL":
        return np.ascontiguousarray(stored[..., 0], dtype=np.uint8)
    if kind == "RGB":
        low, high = 0.0, float((1 << int(dataset.BitsStored)) - 1)
        values = cv2.cvtColor(stored.astype(np.float32), cv2.COLOR_RGB2GRAY)
        return _scale(values, low, high)
    modality = apply_modality_lut(stored, dataset)
    windowed = apply_voi_lut(modality, dataset, index=0)
    low, high = _display_range(dataset)
    gray = _scale(windowed, low, high)
    return 255 - gray if kind == "MONOCHROME1" else gray


def _display_range(dataset: "FileDataset") -> tuple[float, float]:
    """Return what the darkest and the brightest possible stored value come out as."""
    if "VOILUTSequence" in dataset:
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        return 0.0, float((1 << bits) - 1)
    bits = int(dataset.BitsStored)
    signed = int(dataset.get("PixelRepresentation", 0)) == 1
    bounds = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if "ModalityLUTSequence" in dataset:
        bits = int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])
        extremes = np.array([0, (1 << bits) - 1])
    else:
        extremes = apply_modality_lut(np.array(bounds), dataset)
    if "WindowCenter" in dataset:
        # Far outside any window a pixel takes the darkest and the brightest value there is.
        extremes = apply_voi_lut(np.array([-1e30, 1e30]), dataset, index=0)
    return float(extremes.min()), float(extremes.max())


def _scale(values: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    if not high > low:
        raise ValueError(f"display range from {low} to {high}")
    scaled = (values.astype(np.float64) - low) * (255 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
