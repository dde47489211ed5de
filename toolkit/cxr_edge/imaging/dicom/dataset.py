"""DICOM bytes to a dataset with pixels, and their transfer syntax."""

import logging
import re
import warnings
import zlib
from io import BytesIO
from typing import BinaryIO, Final

from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset, read_partial, read_preamble
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxr_edge.errors import Corrupt, NoPixelData, TooLarge, UnsupportedCompression
from cxr_edge.imaging.dicom.attributes import described
from cxr_edge.storage.read_file import MAX_BYTES

# pydicom quotes what it finds odd, and the quote can be the patient's: keep it quiet.
config.settings.reading_validation_mode = config.IGNORE
config.settings.writing_validation_mode = config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\.")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

NATIVE: Final = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
"""Transfer syntaxes whose pixels are not compressed."""

PIXELS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""Keywords of the attributes that may have the pixels."""

_PIXEL_GROUPS: Final = (0x0028, 0x7FE0)

_UID: Final = re.compile(r"1\.2\.840\.10008(\.(0|[1-9][0-9]*))+")
"""Valid UID below DICOM's own root, PS3.5 chapter 9 and PS3.6 annex A."""
_UID_LENGTH: Final = 64

DECOMPRESS: Final = "decompress it first, with a DICOM tool such as dcmdjpeg or gdcmconv"
"""Advice about a transfer syntax that is not decoded."""

UNDEFINED: Final = 0xFFFFFFFF
"""Length of an element that goes up to a delimiter."""


def parse(data: bytes) -> tuple[FileDataset, UID]:
    """Return the dataset of a file, with or without preamble, and its pixels' transfer syntax.

    Raises
    ------
    EOFError
        The file ends before its pixels do.
    ImageError
        ``no-pixel-data``, ``too-large`` after inflating, ``corrupt`` where an attribute of the
        pixels stands there twice, or ``unsupported-compression`` where the pixels are compressed
        and nothing says how.
    """
    file = BytesIO(data)
    meta = read_meta(file)
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        data = _inflate(file.read())
        dataset, tags = read_inflated(data, meta)
    else:
        dataset, tags = read_plain(BytesIO(data))
    return dataset, checked_syntax(dataset, tags, len(data))


def read_plain(file: BinaryIO, defer_size: int | None = None) -> tuple[FileDataset, "Tags"]:
    """Read all elements of a file that is not deflated; longer values are stepped over."""
    file.seek(0)
    tags = Tags()
    dataset = read_partial(file, stop_when=tags.note, defer_size=defer_size, force=True)
    return dataset, tags


def read_inflated(data: bytes, meta: Dataset) -> tuple[FileDataset, "Tags"]:
    """Read all elements of a dataset that was deflated, behind its meta information."""
    tags = Tags()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    body = read_dataset(
        BytesIO(data), is_implicit_VR=False, is_little_endian=True, stop_when=tags.note
    )
    return FileDataset("", body, None, FileMetaDataset(meta), is_implicit_VR=False), tags


def checked_syntax(dataset: FileDataset, tags: "Tags", size: int) -> UID:
    """Return the transfer syntax of a dataset's pixels, which must be there.

    Parameters
    ----------
    dataset
        Dataset as read; long values may have been stepped over.
    tags
        Tags that were met.
    size
        Bytes of the file, or of what was deflated in it.

    Raises
    ------
    EOFError
        The file ends before its pixels do.
    ImageError
        As for :func:`parse`.
    """
    tags.check_single()
    pixels = _check_pixels(dataset, size)
    syntax: UID | None = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None:
        return syntax
    if isinstance(pixels, RawDataElement) and pixels.length == UNDEFINED:
        raise UnsupportedCompression(
            f"the DICOM file does not say how its pixels are compressed; {DECOMPRESS}"
        )
    return native_syntax(dataset)


class Tags:
    """Tags in the order of a file; pydicom keeps the last of two elements with one tag."""

    def __init__(self) -> None:
        self._seen: set[BaseTag] = set()
        self._double: BaseTag | None = None

    def note(self, tag: BaseTag, _vr: str | None, _length: int) -> bool:
        """Note a tag that is read; always False, so that reading goes on."""
        if tag in self._seen and tag.group in _PIXEL_GROUPS:
            self._double = tag
        self._seen.add(tag)
        return False

    def check_single(self) -> None:
        """Refuse a file with two elements of one tag that says what its pixels are.

        Raises
        ------
        Corrupt
            It has some.
        """
        if self._double is not None:
            raise Corrupt(f"the DICOM file has {described(self._double)} twice")


def read_meta(file: BinaryIO) -> Dataset:
    """Read the meta information (group 2) of a file, which may have a preamble, and stop there."""
    read_preamble(file, force=True)
    return read_dataset(
        file, is_implicit_VR=False, is_little_endian=True, stop_when=_is_behind_meta
    )


def native_syntax(dataset: Dataset) -> UID:
    """Return the uncompressed transfer syntax that a dataset turned out to be written in."""
    implicit, little = dataset.original_encoding
    if not little:
        return ExplicitVRBigEndian
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def name_of(syntax: UID) -> str:
    """Return the name of a transfer syntax, else its UID if that is of DICOM's own.

    No other is quoted: it may be anything, also an identifier.
    """
    if syntax in AllTransferSyntaxes:
        return syntax.name
    is_uid = len(syntax) <= _UID_LENGTH and _UID.fullmatch(syntax)
    return f"the transfer syntax {syntax}" if is_uid else "an unknown transfer syntax"


def _is_behind_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2


def _inflate(packed: bytes) -> bytes:
    """Unpack a deflated dataset, PS3.5 A.5, of the size that a file may have."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacked = inflater.decompress(packed, MAX_BYTES)
    if inflater.unconsumed_tail:
        raise TooLarge(f"expected at most {MAX_BYTES} bytes, got more after inflating")
    if not inflater.eof:
        raise EOFError
    return unpacked


def pixel_element(dataset: FileDataset) -> DataElement | RawDataElement | None:
    """Return the element that has the pixels, as it was read."""
    elements = dict(dataset.items())  # other ways read a value that was stepped over
    tags = (Tag(keyword) for keyword in PIXELS)
    return next((elements[tag] for tag in tags if tag in elements), None)


def _check_pixels(dataset: FileDataset, size: int) -> DataElement | RawDataElement:
    """Return the element that has the pixels, and refuse a file that ends within it.

    ``size`` is the file's, so that one that was cut before its pixels is not called a document.
    """
    if not dataset:  # what pydicom leaves where an element without length never ends
        raise EOFError
    pixels = pixel_element(dataset)
    last = pixels or max(dataset.items())[1]
    raw = last if isinstance(last, RawDataElement) else None
    if raw and raw.length != UNDEFINED:
        behind = size - (raw.value_tell + raw.length)
        if behind < 0 or (pixels is None and behind > 0):
            raise EOFError
    if pixels is None:
        raise NoPixelData("this DICOM file has no image: it has no pixel data")
    is_stepped_over = raw and raw.value is None and raw.length
    if not pixels.value and not is_stepped_over:
        raise NoPixelData("this DICOM file has no image: its pixel data is empty")
    return pixels
