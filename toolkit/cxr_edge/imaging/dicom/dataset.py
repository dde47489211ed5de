"""DICOM bytes to a dataset with pixels, and their transfer syntax."""

import logging
import warnings
import zlib
from io import BytesIO
from typing import BinaryIO, Final, cast

from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset, read_partial, read_preamble
from pydicom.tag import BaseTag
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
warnings.filterwarnings("ignore", module=r"pydicom\.")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

NATIVE: Final = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
"""Transfer syntaxes whose pixels are not compressed."""

PIXELS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""Keywords of the attributes that may have the pixels."""

_PIXEL_GROUPS: Final = (0x0028, 0x7FE0)

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
    file, tags = BytesIO(data), _Tags()
    meta = read_meta(file)
    syntax = meta.get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        data, syntax = _inflate(file.read()), ExplicitVRLittleEndian
        meta.TransferSyntaxUID = syntax
        body = read_dataset(
            BytesIO(data), is_implicit_VR=False, is_little_endian=True, stop_when=tags.note
        )
        dataset = FileDataset("", body, None, FileMetaDataset(meta), is_implicit_VR=False)
    else:
        dataset = read_partial(BytesIO(data), stop_when=tags.note, force=True)
    tags.check_single()
    keyword = _pixel_keyword(dataset, len(data))
    if syntax is None:
        if dataset[keyword].is_undefined_length:
            raise UnsupportedCompression(
                "the DICOM file does not say how its pixels are compressed; decompress it first"
            )
        syntax = native_syntax(dataset)
    return dataset, syntax


class _Tags:
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
    """Return the name of a transfer syntax; one that DICOM does not know is never quoted."""
    return syntax.name if syntax in AllTransferSyntaxes else "an unknown transfer syntax"


def no_image() -> NoPixelData:
    """Return the error for a dataset without pixels."""
    return NoPixelData("this DICOM file has no image (it is a report, a plan or similar)")


def no_pixels() -> NoPixelData:
    """Return the error for a pixel attribute without a byte."""
    return NoPixelData("this DICOM file has no image (its pixel attribute is empty)")


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


def _pixel_keyword(dataset: FileDataset, size: int) -> str:
    """Return the attribute that has the pixels, and refuse a file that ends within them.

    ``size`` is the file's, so that one that was cut before its pixels is not called a document.
    """
    if not dataset:  # what pydicom leaves where an element without length never ends
        raise EOFError
    keyword = next((name for name in PIXELS if name in dataset), None)
    # pydicom's types know only elements that were read completely.
    last = cast(DataElement | RawDataElement, dataset.get_item(keyword or max(dataset.keys())))
    if isinstance(last, RawDataElement) and last.length != UNDEFINED:
        missing = last.length - len(last.value or b"")
        behind = size - (last.value_tell + last.length)
        if missing > 0 or (keyword is None and behind > 0):
            raise EOFError
    if keyword is None:
        raise no_image()
    if not last.value:
        raise no_pixels()
    return keyword
