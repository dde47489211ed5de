"""DICOM bytes to gray pixels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.uid import UID

from cxr_edge.errors import Corrupt, ImageError, Truncated, UnsupportedFormat
from cxr_edge.imaging.dicom.dataset import parse
from cxr_edge.imaging.dicom.errors import DAMAGE
from cxr_edge.imaging.dicom.flags import header_flags
from cxr_edge.imaging.dicom.frame import first_frame
from cxr_edge.imaging.dicom.lut import Gray, scale, through_table
from cxr_edge.imaging.dicom.presentation import grayscale_of, palette_gray, text_of
from cxr_edge.imaging.dicom.transfer_syntaxes import ALWAYS_LOSSY, plugin_for
from cxr_edge.imaging.image import SourceFacts, check_size
from cxr_edge.imaging.rules import GRAY, GrayRule
from cxr_edge.imaging.sniff import Format
from cxr_edge.spec.recipe import Recipe

_SAMPLES: Final = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}


def decode_dicom(
    data: bytes, depth: type[Gray], recipe: Recipe
) -> tuple[NDArray[Gray], SourceFacts]:
    """Decode the first frame of a DICOM file.

    Stored values pass the Modality LUT (PS3.3 C.11.1), then the VOI LUT or window (C.11.2), or the
    full range of the stored bits if there is none, and are scaled to ``depth``. MONOCHROME1
    (C.7.6.3.1.2) or a Presentation LUT Shape of INVERSE (C.11.6) is inverted last.

    Parameters
    ----------
    data
        All bytes of the file.
    depth
        uint8, or uint16 for pixels from 0 to 65535.
    recipe
        Rule for gray from color.

    Returns
    -------
    tuple
        Pixels of that type, shape (rows, columns), and the facts about the source. Nothing that
        identifies a patient is read, and no message quotes the header.

    Raises
    ------
    ImageError
        ``not-an-image``, ``no-pixel-data``, ``unsupported-compression``,
        ``unsupported-format``, ``truncated``, ``too-large``, ``constant-image`` or ``corrupt``.
    """
    try:
        dataset, syntax = parse(data)
        return _decode(dataset, syntax, depth, GRAY[recipe.gray])
    except EOFError as exc:
        raise Truncated(f"the DICOM file ends before its pixels do ({len(data)} bytes)") from exc
    except DAMAGE as exc:  # their text may hold bytes of the header
        raise Corrupt(f"the DICOM file cannot be read ({type(exc).__name__})") from exc


def instance_uid(data: bytes) -> str:
    """Return the SOP Instance UID of a DICOM file; empty where it has none or cannot be read."""
    try:
        dataset, _ = parse(data)
        return str(dataset.get("SOPInstanceUID") or "").strip()
    except (EOFError, ImageError, *DAMAGE):
        return ""


def _decode(
    dataset: FileDataset, syntax: UID, depth: type[Gray], rule: GrayRule
) -> tuple[NDArray[Gray], SourceFacts]:
    plugin_for(syntax)  # first: without a decoder nothing else matters
    kind = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    if kind not in _SAMPLES:
        known = [str(member) for member in PhotometricInterpretation]
        raise UnsupportedFormat(
            f"expected DICOM pixels that are {', '.join(_SAMPLES)}, "
            f"got {kind if kind in known else 'something else'}; convert it to PNG"
        )
    samples = int(dataset.get("SamplesPerPixel", 1))
    if samples != _SAMPLES[kind]:
        raise Corrupt(f"expected {_SAMPLES[kind]} samples per pixel for {kind}, got {samples}")
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    frames = int(dataset.get("NumberOfFrames") or 1)
    check_size(columns, rows, frames)
    flags = header_flags(lambda name: text_of(dataset, name))
    if samples > 1 or kind == "PALETTE COLOR":
        flags.add("color")
    if frames > 1:
        flags.add("multi-frame")
    if syntax in ALWAYS_LOSSY:
        flags.add("lossy")
    stored, kind = first_frame(dataset, syntax, (rows, columns, samples), frames)
    if _SAMPLES[kind] > 1:
        is_ybr = kind.startswith("YBR_FULL")
        gray = rule.from_ybr(stored) if is_ybr else rule.from_rgb(stored.astype(np.float32))
        pixels = scale(gray, 0, (1 << int(dataset.BitsStored)) - 1, depth)
    elif kind == "PALETTE COLOR":
        pixels = through_table(lambda indices: palette_gray(dataset, indices, depth, rule), stored)
    else:
        grayscale, narrow = grayscale_of(dataset, stored, inverted=kind == "MONOCHROME1")
        pixels = grayscale(stored, depth)
        if narrow:
            flags.add("fewer-bits")
    return pixels, SourceFacts(columns, rows, Format.DICOM, tuple(sorted(flags)))
