"""The first frame of a dataset, checked against its header and decoded."""

import math
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_fragments, get_frame, parse_fragments
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, RLELossless

from cxr_edge.errors import Corrupt, NoPixelData, UnsupportedCompression
from cxr_edge.imaging.dicom.attributes import integer_of
from cxr_edge.imaging.dicom.codecs import decode_frame
from cxr_edge.imaging.dicom.codestream import Coding, check_codestream, check_rle, repaired
from cxr_edge.imaging.dicom.dataset import DECOMPRESS, NATIVE, PIXELS, name_of
from cxr_edge.imaging.dicom.layout import Layout
from cxr_edge.imaging.dicom.readings import as_meant, cut
from cxr_edge.imaging.dicom.reconcile import color_of, reconciled
from cxr_edge.imaging.dicom.transfer_syntaxes import JPEG
from cxr_edge.imaging.jpeg import is_damaged

_ITEM: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""Tag of an item, which only compressed frames are in, in both byte orders."""
_PADDING: Final = 512
"""Bytes behind the pixels that may be padding, whatever the size of the image."""


@dataclass(frozen=True)
class Frame:
    """A frame's stored values, and what they are."""

    stored: NDArray[Any]
    """Values of native byte order, shape (rows, columns) or (rows, columns, 3)."""
    photometric: str
    """Photometric interpretation after decoding."""
    bits: int
    """Bits of each value that are stored."""
    damaged: bool = False
    """Whether its decoder went on past damage."""
    misdescribed: bool = False
    """Whether its values make a picture only if they are read otherwise than the header says."""


def first_frame(dataset: FileDataset, syntax: UID, layout: Layout) -> Frame:
    """Check that the pixels are those that the header promises, and decode the first frame.

    Parameters
    ----------
    dataset
        Dataset as parsed; of RLE frames only the first is left in it.
    syntax
        Transfer syntax of its pixels; :func:`check_decoded` accepts it.
    layout
        Size and type of its pixels by its header.

    Raises
    ------
    EOFError
        There are fewer bytes than the header promises.
    ImageError
        The pixels do not match the header, as for :func:`check_codestream`.
    Exception
        Any of :data:`cxr_edge.imaging.dicom.errors.DAMAGE`.
    """
    pixels = next(dataset[name].value for name in PIXELS if name in dataset)
    check_pixels(dataset, syntax, layout, pixels[:4], len(pixels))
    if syntax in NATIVE:
        return _by_pydicom(dataset, syntax, layout)
    frame = _first_frame_bytes(dataset, layout)
    if syntax == RLELossless:
        rows, columns, samples = layout.size
        check_rle(frame, rows * columns, samples * layout.allocated // 8)
        dataset.PixelData, dataset.NumberOfFrames = encapsulate([frame], has_bot=False), 1
        if samples > 1:
            dataset.PlanarConfiguration = 0  # PS3.3 C.7.6.3.1.3: without meaning here
        return _by_pydicom(dataset, syntax, layout)
    return _by_codestream(frame, syntax, layout)


def _by_pydicom(dataset: FileDataset, syntax: UID, layout: Layout) -> Frame:
    """Decode a frame that tells nothing about itself."""
    plugin = "" if syntax in NATIVE else "pydicom"
    options: dict[str, Any] = {"correct_unused_bits": False}
    stored, facts = get_decoder(syntax).as_array(
        dataset, index=0, raw=True, decoding_plugin=plugin, **options
    )
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    bits, misdescribed = layout.bits, False
    if stored.dtype.kind in "iu" and layout.allocated == 8 * stored.dtype.itemsize:
        high = _high_bit(dataset, layout)
        if layout.is_gray:
            stored, bits, misdescribed = as_meant(stored, bits, high, overlays=layout.overlays)
        else:
            stored = cut(stored, bits, high)
    kind = str(facts["photometric_interpretation"])
    return Frame(stored, kind, bits, misdescribed=misdescribed)


def _by_codestream(frame: bytes, syntax: UID, layout: Layout) -> Frame:
    """Decode a frame that tells what it is."""
    found = check_codestream(frame, layout.size)
    if (found.coding is Coding.JPEG_2000) == (syntax in JPEG):
        raise Corrupt(f"the transfer syntax says {name_of(syntax)}, the frame is {found.coding}")
    frame = repaired(frame)
    stored, bits, misdescribed = reconciled(decode_frame(frame, found), found, layout)
    kind = color_of(found, layout.photometric)
    damaged = found.coding is Coding.JPEG and is_damaged(frame)
    return Frame(stored, kind, bits, damaged, misdescribed)


def check_pixels(
    dataset: FileDataset, syntax: UID, layout: Layout, start: bytes, size: int
) -> None:
    """Check that pixels lie there as the header says, as far as it shows without decoding.

    Parameters
    ----------
    dataset
        Dataset as parsed.
    syntax
        Transfer syntax of its pixels; :func:`check_decoded` accepts it.
    layout
        Size and type of its pixels by its header.
    start, size
        First four bytes of the pixels, and how many bytes there are.

    Raises
    ------
    EOFError
        Uncompressed pixels are fewer than the header promises.
    Corrupt
        They are far more, the order of color samples is not told, or compressed pixels do not lie
        in items, or uncompressed ones do.
    UnsupportedCompression
        They are RLE of single bits.
    """
    if syntax in NATIVE:
        _check_native(dataset, layout, start, size)
    elif syntax == RLELossless and layout.allocated % 8:
        raise UnsupportedCompression(
            f"the pixels are RLE of single bits, which is not decoded here; {DECOMPRESS}"
        )
    elif start != _ITEM[0]:
        raise Corrupt(
            f"the transfer syntax says {name_of(syntax)}, but the pixels are not in items as "
            "compressed ones are"
        )


def _check_native(dataset: FileDataset, layout: Layout, start: bytes, size: int) -> None:
    if layout.size[2] > 1:
        integer_of(dataset, "PlanarConfiguration")  # it must be there
    bits = math.prod(layout.size) * layout.frames * layout.allocated
    if layout.photometric == "YBR_FULL_422":  # two pixels share a color
        bits = bits // 3 * 2
    if start in _ITEM:
        raise Corrupt(
            "the transfer syntax says that the pixels are not compressed, but they lie in items "
            "as only compressed ones do"
        )
    if size * 8 < bits:
        raise EOFError
    expected = (bits + 7) // 8
    if size - expected > max(expected // 8, _PADDING):
        raise Corrupt(f"the DICOM header promises {expected} bytes of pixels, the file has {size}")


def _first_frame_bytes(dataset: FileDataset, layout: Layout) -> bytes:
    """Return the first frame; where the count of items says what it is, no table is asked."""
    pixels: bytes = dataset.PixelData
    frames = layout.frames
    offsets = None
    if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
        del dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    if frames == 1:
        _, *fragments = generate_fragments(pixels)  # the first item is the table
        frame = b"".join(fragments)
    elif frames == parse_fragments(pixels)[0] - 1:
        items = generate_fragments(BytesIO(pixels))
        next(items)
        frame = next(items)
    else:
        frame = get_frame(pixels, 0, number_of_frames=frames, extended_offsets=offsets)
    if not frame:
        raise NoPixelData("this DICOM file has no image: its compressed frame is empty")
    return frame


def _high_bit(dataset: FileDataset, layout: Layout) -> int:
    """Return the highest stored bit, PS3.5 8.1.1; where it is absent or impossible, the usual."""
    usual = layout.bits - 1
    high = integer_of(dataset, "HighBit", usual)
    return high if usual <= high < layout.allocated else usual
