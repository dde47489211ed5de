"""The facts that a DICOM file's header gives, read without decoding a pixel.

Nothing that identifies a patient is kept: text is returned only if it is one of a closed list.
"""

import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.uid import AllTransferSyntaxes, DeflatedExplicitVRLittleEndian

from cxr_edge.errors import Corrupt, ImageError, Truncated
from cxr_edge.imaging.dicom.attributes import integer_of
from cxr_edge.imaging.dicom.dataset import (
    NATIVE,
    Tags,
    checked_syntax,
    native_syntax,
    pixel_element,
    read_inflated,
    read_meta,
    read_plain,
)
from cxr_edge.imaging.dicom.errors import DAMAGE
from cxr_edge.imaging.dicom.frame import check_pixels
from cxr_edge.imaging.dicom.layout import layout_of
from cxr_edge.imaging.dicom.transfer_syntaxes import COMPRESSED, check_decoded

UNKNOWN: Final = "unknown"
"""Word for a value that DICOM does not define."""

_DEFER: Final = 1 << 12
"""Largest value, in bytes, that is read; others are stepped over."""
_INFLATED_HEAD: Final = 1 << 20
"""Bytes of a deflated file that are unpacked, whatever it promises."""


@dataclass(frozen=True)
class DicomHeader:
    """Facts from the header; 0 where it has none."""

    syntax: str
    """Keyword of the transfer syntax, or :data:`UNKNOWN`."""
    photometric: str
    """Photometric interpretation, or :data:`UNKNOWN`."""
    width: int
    """Columns."""
    height: int
    """Rows."""
    bits: int
    """Bits stored."""
    frames: int
    """Count of frames, 1 where the header has none."""
    trouble: ImageError | None
    """Error that a scan will get, as far as it shows without decoding."""


DECODED: Final = tuple(
    syntax.keyword for syntax in (*NATIVE, DeflatedExplicitVRLittleEndian, *COMPRESSED)
)
"""Keywords of the transfer syntaxes that are decoded."""


def read_dicom_header(file: BinaryIO, size: int) -> DicomHeader:
    """Read a DICOM file up to its pixels, and check that they are all there.

    Parameters
    ----------
    file
        File at its start; it can be sought in.
    size
        Bytes of the file.

    Raises
    ------
    Corrupt
        The header cannot be read.
    Truncated
        What was deflated is not complete.
    """
    try:
        return _read(file, size)
    except DAMAGE as exc:  # their text may hold bytes of the header
        raise Corrupt("the DICOM header cannot be read; it is damaged") from exc


def _read(file: BinaryIO, size: int) -> DicomHeader:
    meta = read_meta(file)
    stated = meta.get("TransferSyntaxUID")
    if stated == DeflatedExplicitVRLittleEndian:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = inflater.decompress(file.read(), _INFLATED_HEAD)
        if not inflater.eof and len(inflated) < _INFLATED_HEAD:
            raise _cut(size)
        dataset, tags = read_inflated(inflated, meta)
        known = inflater.eof  # else nobody knows what follows
        trouble = _trouble(dataset, tags, BytesIO(inflated), len(inflated)) if known else None
    else:
        dataset, tags = read_plain(file, _DEFER)
        trouble = _trouble(dataset, tags, file, size)
        if not dataset:  # pixels without an end, for which pydicom drops all before them
            file.seek(0)
            dataset = dcmread(file, defer_size=_DEFER, stop_before_pixels=True, force=True)
    syntax = stated or native_syntax(dataset)
    kind = str(dataset.get("PhotometricInterpretation", UNKNOWN))
    return DicomHeader(
        syntax=syntax.keyword if syntax in AllTransferSyntaxes else UNKNOWN,
        photometric=kind
        if kind in [str(known) for known in PhotometricInterpretation]
        else UNKNOWN,
        width=_number(dataset, "Columns"),
        height=_number(dataset, "Rows"),
        bits=_number(dataset, "BitsStored"),
        frames=_number(dataset, "NumberOfFrames") or 1,
        trouble=trouble,
    )


def _trouble(dataset: FileDataset, tags: Tags, file: BinaryIO, size: int) -> ImageError | None:
    """Return the error that decoding begins with, by the same checks in the same order.

    Values of the dataset become plain ones, as they are for decoding.
    """
    try:
        syntax = checked_syntax(dataset, tags, size)
        check_decoded(syntax)
        layout = layout_of(dataset)
        pixels = pixel_element(dataset)
        if isinstance(pixels, RawDataElement):
            file.seek(pixels.value_tell)
            check_pixels(dataset, syntax, layout, file.read(4), pixels.length)
    except EOFError:
        return _cut(size)
    except ImageError as error:
        return error
    return None


def _cut(size: int) -> Truncated:
    return Truncated(f"the DICOM file ends before its pixels do ({size} bytes); copy it again")


def _number(dataset: Dataset, keyword: str) -> int:
    try:
        return integer_of(dataset, keyword, 0)
    except Corrupt:
        return 0
