"""The facts that a DICOM file's header gives, read without decoding a pixel.

Nothing that identifies a patient is kept: text is returned only if it is one of a closed list.
"""

import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_generator, read_dataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
)

from cxr_edge.errors import Corrupt, ImageError, Truncated, UnsupportedCompression
from cxr_edge.imaging.dicom.dataset import (
    NATIVE,
    PIXELS,
    UNDEFINED,
    native_syntax,
    no_image,
    no_pixels,
    read_meta,
)
from cxr_edge.imaging.dicom.errors import DAMAGE
from cxr_edge.imaging.dicom.transfer_syntaxes import COMPRESSED, check_decoded

UNKNOWN: Final = "unknown"
"""Word for a value that DICOM does not define."""

_FACTS: Final[list[BaseTag | int]] = [
    0x00280002,  # Samples per Pixel
    0x00280004,  # Photometric Interpretation
    0x00280008,  # Number of Frames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00280100,  # Bits Allocated
    0x00280101,  # Bits Stored
]
_PIXELS: Final = tuple(tag_for_keyword(keyword) for keyword in PIXELS)
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
    """
    try:
        return _read(file, size)
    except DAMAGE as exc:  # their text may hold bytes of the header
        raise Corrupt("the DICOM header cannot be read; it is damaged") from exc


def _read(file: BinaryIO, size: int) -> DicomHeader:
    syntax = read_meta(file).get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), _INFLATED_HEAD)
        dataset = read_dataset(
            BytesIO(inflated), False, True, stop_when=_is_behind_facts, specific_tags=_FACTS
        )  # fmt: skip
        damage: ImageError | None = None if "Rows" in dataset else no_image()
    else:
        file.seek(0)
        dataset = dcmread(
            file, defer_size=_DEFER, stop_before_pixels=True, force=True, specific_tags=_FACTS
        )
        syntax = native_syntax(dataset) if syntax is None else syntax
        damage = _damage(file, size, dataset, needed=_bytes_needed(dataset, syntax))
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
        trouble=damage or _not_decoded(syntax),
    )


def _is_behind_facts(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group > 0x28


def _number(dataset: Dataset, keyword: str) -> int:
    return int(dataset.get(keyword) or 0)


def _bytes_needed(dataset: Dataset, syntax: UID) -> int:
    """Return the bytes of the pixels, 0 where only their decoder knows them."""
    if syntax not in NATIVE or dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        return 0
    names = ("Rows", "Columns", "BitsAllocated")
    bits = 1
    for name in names:
        bits *= _number(dataset, name)
    for name in ("SamplesPerPixel", "NumberOfFrames"):
        bits *= _number(dataset, name) or 1
    return bits // 8


def _damage(file: BinaryIO, size: int, dataset: Dataset, needed: int) -> ImageError | None:
    """Return what is wrong with the pixels, by their length; the file is at their element."""
    implicit, little = dataset.original_encoding
    cut = Truncated(f"the DICOM file ends before its pixels do ({size} bytes); copy it again")
    try:
        pixels = next(
            data_element_generator(file, bool(implicit), bool(little), defer_size=_DEFER), None
        )
    except EOFError:
        return cut
    if pixels is None or pixels.tag not in _PIXELS:
        return cut if "Rows" in dataset else no_image()
    if isinstance(pixels, DataElement) or pixels.length == UNDEFINED:
        return None
    if not pixels.length:
        return no_pixels()
    is_cut = pixels.length < needed or pixels.value_tell + pixels.length > size
    return cut if is_cut else None


def _not_decoded(syntax: UID) -> ImageError | None:
    if syntax == DeflatedExplicitVRLittleEndian:
        return None
    try:
        check_decoded(syntax)
    except UnsupportedCompression as error:
        return error
    return None
