"""DICOM bytes to a dataset with pixels and the transfer syntax that these are in."""

import logging
import warnings
import zlib
from io import BytesIO
from typing import Final, cast

from pydicom import config, dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxr_edge.errors import NoPixelData, TooLarge, UnsupportedCompression
from cxr_edge.storage.read_file import MAX_BYTES

# What pydicom finds odd it quotes, and what it quotes can be the patient's: keep it quiet.
config.settings.reading_validation_mode = config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\.")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

NATIVE: Final = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)

PIXELS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_UNDEFINED: Final = 0xFFFFFFFF  # as a length: up to a delimiter


def parse(data: bytes) -> tuple[FileDataset, UID]:
    """Return the dataset of a file, with or without preamble, and its pixels' transfer syntax.

    Raises
    ------
    EOFError
        The file ends before its pixels do.
    ImageError
        ``no-pixel-data``, ``too-large`` after inflating, or ``unsupported-compression`` where the
        pixels are compressed and nothing says how.
    """
    file = BytesIO(data)
    meta = _read_meta(file)
    syntax = meta.get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        data, syntax = _inflate(file.read()), ExplicitVRLittleEndian
        meta.TransferSyntaxUID = syntax
        body = read_dataset(BytesIO(data), is_implicit_VR=False, is_little_endian=True)
        dataset = FileDataset("", body, None, FileMetaDataset(meta), is_implicit_VR=False)
    else:
        dataset = dcmread(BytesIO(data), force=True)
    keyword = _pixel_keyword(dataset, len(data))
    if syntax is None:
        if dataset[keyword].is_undefined_length:
            raise UnsupportedCompression(
                "expected a transfer syntax that is decoded here, got none; decompress it first"
            )
        implicit, little = dataset.original_encoding
        syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        syntax = syntax if little else ExplicitVRBigEndian
    return dataset, syntax


def syntax_of(data: bytes) -> str:
    """Return the name of the transfer syntax that a DICOM file tells; empty where it tells none.

    Raises
    ------
    Exception
        Any of :data:`cxr_edge.imaging.dicom.errors.DAMAGE`, where its first bytes cannot be read.
    """
    syntax = _read_meta(BytesIO(data)).get("TransferSyntaxUID")
    return "" if syntax is None else name_of(syntax)


def name_of(syntax: UID) -> str:
    """Return the name of a transfer syntax; of none that DICOM does not know, whatever it says."""
    return syntax.name if syntax in AllTransferSyntaxes else "an unknown transfer syntax"


def _read_meta(file: BytesIO) -> Dataset:
    """Read group 2 of a file, and leave the file behind it."""
    read_preamble(file, force=True)
    return read_dataset(
        file, is_implicit_VR=False, is_little_endian=True, stop_when=_is_behind_meta
    )


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
    """Return the attribute that has the pixels, once it is sure that the file does not end in it.

    ``size`` is the file's, so that one that was cut before its pixels is not called a document.
    """
    if not dataset:  # what pydicom leaves where an element without length never ends
        raise EOFError
    keyword = next((name for name in PIXELS if name in dataset), None)
    # pydicom's types know of elements that were read through alone.
    last = cast(DataElement | RawDataElement, dataset.get_item(keyword or max(dataset.keys())))
    if isinstance(last, RawDataElement) and last.length != _UNDEFINED:
        missing = last.length - len(last.value or b"")
        behind = size - (last.value_tell + last.length)
        if missing > 0 or (keyword is None and behind > 0):
            raise EOFError
    if keyword is None:
        raise NoPixelData("expected DICOM with pixels, got a document or plan without")
    if not last.value:
        raise NoPixelData("expected DICOM with pixels, got an attribute without any")
    return keyword
