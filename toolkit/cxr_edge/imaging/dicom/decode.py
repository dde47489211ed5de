"""DICOM bytes to gray pixels."""

from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from cxr_edge.errors import Corrupt, ImageError, Truncated
from cxr_edge.imaging.color import COLOR
from cxr_edge.imaging.dicom.attributes import text_of
from cxr_edge.imaging.dicom.dataset import parse
from cxr_edge.imaging.dicom.errors import DAMAGE
from cxr_edge.imaging.dicom.flags import header_flags
from cxr_edge.imaging.dicom.frame import first_frame
from cxr_edge.imaging.dicom.layout import SAMPLES, layout_of
from cxr_edge.imaging.dicom.lut import Gray, through_table
from cxr_edge.imaging.dicom.presentation import (
    color_gray,
    grayscale_of,
    palette_gray,
    palette_is_colored,
)
from cxr_edge.imaging.dicom.transfer_syntaxes import ALWAYS_LOSSY, check_decoded
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.imaging.jpeg import DAMAGED
from cxr_edge.imaging.rules import GRAY, GrayRule
from cxr_edge.imaging.sniff import Format
from cxr_edge.spec.recipe import Recipe


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
        raise Corrupt(
            "the DICOM file cannot be read; its header or its pixels are damaged"
        ) from exc


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
    check_decoded(syntax)  # first: without a decoder nothing else matters
    layout = layout_of(dataset)
    flags = header_flags(lambda name: text_of(dataset, name))
    if layout.frames > 1:
        flags.add("multi-frame")
    if syntax in ALWAYS_LOSSY:
        flags.add("lossy")
    frame = first_frame(dataset, syntax, layout)
    if frame.damaged:
        flags.add(DAMAGED)
    if frame.misdescribed:
        flags.add("misdescribed")
    if SAMPLES[frame.photometric] > 1:
        pixels, used, is_color = color_gray(frame, depth, rule)
        if is_color:
            flags.add(COLOR)
        if used < frame.bits:
            flags.add("fewer-bits")
    elif frame.photometric == "PALETTE COLOR":
        pixels = through_table(lambda i: palette_gray(dataset, i, depth, rule), frame.stored)
        if palette_is_colored(dataset, frame.stored):
            flags.add(COLOR)
    else:
        inverted = frame.photometric == "MONOCHROME1"
        grayscale, more = grayscale_of(dataset, frame.stored, frame.bits, inverted=inverted)
        pixels, flags = grayscale(frame.stored, depth), flags | more
    return pixels, SourceFacts(layout.columns, layout.rows, Format.DICOM, tuple(sorted(flags)))
