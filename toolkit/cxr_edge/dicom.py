"""DICOM bytes to 8-bit gray: the only importer of pydicom."""

import logging
import struct
import warnings
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import config, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_modality_lut
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

# What pydicom finds odd it quotes, and what it quotes can be the patient's: keep it quiet.
config.settings.reading_validation_mode = config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\.")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_DAMAGE: Final = (
    BytesLengthException,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    cv2.error,
)
"""What pydicom, numpy and OpenCV raise for damaged files; see :func:`decode_dicom`."""

Gray = TypeVar("Gray", np.uint8, np.uint16)

_UNCOMPRESSED: Final = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
_SAMPLES: Final = {"MONOCHROME1": 1, "MONOCHROME2": 1, "RGB": 3, "YBR_FULL": 3}

_REFUSED: Final = ("PALETTE COLOR", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")


def decode_dicom(data: bytes, depth: type[Gray]) -> tuple[NDArray[Gray], SourceFacts]:
    """Decode the first frame of a DICOM file.

    Stored values pass the Modality LUT (PS3.3 C.11.1), the VOI LUT or window (C.11.2) or,
    without one, the full range of the stored bits, and are scaled to ``depth``; MONOCHROME1 is
    inverted last (C.7.6.3.1.2).

    Parameters
    ----------
    data
        All bytes of the file.
    depth
        uint8, or uint16 for pixels from 0 to 65535.

    Returns
    -------
    tuple
        Pixels of that type, shape (rows, columns), and what the report says of the source. Nothing
        that identifies a patient is read, and no message quotes the header.

    Raises
    ------
    ImageError
        ``not-an-image``, ``no-pixel-data``, ``unsupported-compression``,
        ``unsupported-format``, ``truncated``, ``too-large`` or ``corrupt``.
    """
    try:
        dataset = _parse(data)
        return _decode(dataset, depth)
    except EOFError as exc:
        raise Truncated(f"the DICOM file ends before its pixels do ({len(data)} bytes)") from exc
    except _DAMAGE as exc:  # their text may hold bytes of the header
        raise Corrupt(f"the DICOM file cannot be read ({type(exc).__name__})") from exc


def _parse(data: bytes) -> "FileDataset":
    try:
        dataset = dcmread(BytesIO(data))
    except InvalidDicomError as exc:
        raise NotAnImage("expected a DICOM file, came something without its header") from exc
    if "PixelData" not in dataset:
        if "Rows" in dataset:
            raise EOFError
        raise NoPixelData("expected DICOM with pixels, came a document or plan without")
    syntax = dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)
    if syntax not in _UNCOMPRESSED:
        raise UnsupportedCompression(
            f"expected uncompressed DICOM, came {syntax.name}; decompress it first"
        )
    check_size(int(dataset.Columns), int(dataset.Rows))
    return dataset


def _decode(dataset: "FileDataset", depth: type[Gray]) -> tuple[NDArray[Gray], SourceFacts]:
    kind = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    if kind not in _SAMPLES:
        raise UnsupportedFormat(
            f"expected DICOM pixels that are {', '.join(_SAMPLES)}, "
            f"came {kind if kind in _REFUSED else 'something else'}; convert it to PNG"
        )
    samples, bits = int(dataset.get("SamplesPerPixel", 1)), int(dataset.BitsAllocated)
    if samples != _SAMPLES[kind]:
        raise Corrupt(f"expected {_SAMPLES[kind]} samples a pixel for {kind}, came {samples}")
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if len(dataset.PixelData) * 8 < rows * columns * samples * frames * bits:
        raise EOFError
    stored = pixel_array(dataset, index=0, raw=True)
    flags = []
    if samples > 1:
        flags.append("color")
    if frames > 1:
        flags.append("multi-frame")
    gray = _to_gray(dataset, stored, kind, depth)
    return gray, SourceFacts(columns, rows, Format.DICOM, tuple(flags))


def _to_gray(
    dataset: "FileDataset", stored: NDArray[Any], kind: str, depth: type[Gray]
) -> NDArray[Gray]:
    if kind in ("RGB", "YBR_FULL"):
        luma = stored[..., 0] if kind == "YBR_FULL" else _luma(stored)
        return _scale(luma, 0, (1 << int(dataset.BitsStored)) - 1, depth)
    values = apply_modality_lut(stored, dataset).astype(np.float64)
    if dataset.get("VOILUTSequence"):
        gray = _apply_voi_lut(dataset, values, depth)
    elif dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None:
        gray = _scale(_window(dataset, values), 0, 1, depth)
    else:
        gray = _scale(values, *_modality_range(dataset), depth)
    return np.iinfo(depth).max - gray if kind == "MONOCHROME1" else gray


def _luma(rgb: NDArray[Any]) -> NDArray[Any]:
    return cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2GRAY)


def _apply_voi_lut(
    dataset: "FileDataset", values: NDArray[np.float64], depth: type[Gray]
) -> NDArray[Gray]:
    """PS3.3 C.11.2.1.1; pydicom's own indexes in the table's 8 bits, and wraps around."""
    item = dataset.VOILUTSequence[0]
    _, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = item.LUTData
    if isinstance(entries, bytes):
        order = "<" if dataset.original_encoding[1] else ">"
        entries = np.frombuffer(entries, order + "u2")
    table = np.asarray(entries)
    place = np.clip(np.rint(values) - first, 0, len(table) - 1)
    return _scale(table[place.astype(np.intp)], 0, (1 << bits) - 1, depth)


def _window(dataset: "FileDataset", values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values from 0 to 1 by the first window, PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    center, width = (_first(dataset[name].value) for name in ("WindowCenter", "WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if function == "SIGMOID" and width > 0:
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -50, 50)))
    if function == "LINEAR" and width >= 1:
        center, width = center - 0.5, width - 1
    elif function != "LINEAR_EXACT" or width <= 0:
        raise Corrupt(f"the DICOM file has a window width of {width:g}, which its function forbids")
    if width == 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _first(value: object) -> float:
    return float(value[0] if isinstance(value, MultiValue) else value)  # type: ignore[arg-type]  # pydicom's numbers


def _modality_range(dataset: "FileDataset") -> tuple[float, float]:
    """Return the least and the greatest value that the modality step can give."""
    if dataset.get("ModalityLUTSequence"):
        return 0, (1 << int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])) - 1
    bits = int(dataset.BitsStored)
    signed = int(dataset.get("PixelRepresentation", 0)) == 1
    bounds = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    extremes = apply_modality_lut(np.array(bounds), dataset)
    return float(extremes.min()), float(extremes.max())


def _scale(values: NDArray[Any], low: float, high: float, depth: type[Gray]) -> NDArray[Gray]:
    if not high > low:
        raise Corrupt(f"the DICOM file's values range from {low:g} to {high:g}")
    top = np.iinfo(depth).max
    scaled = (values.astype(np.float64) - low) * (top / (high - low))
    return np.clip(np.rint(scaled), 0, top).astype(depth)


def instance_uid(data: bytes) -> str:
    """Return the SOP Instance UID of a DICOM file; empty where it has none or it cannot be read."""
    try:
        dataset = dcmread(BytesIO(data), specific_tags=["SOPInstanceUID"], stop_before_pixels=True)
        return str(dataset.get("SOPInstanceUID") or "").strip()
    except (EOFError, InvalidDicomError, *_DAMAGE):
        return ""
