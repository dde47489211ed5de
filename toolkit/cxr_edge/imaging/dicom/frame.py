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
from cxr_edge.imaging.dicom.dataset import NATIVE, PIXELS, name_of
from cxr_edge.imaging.dicom.layout import Layout
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
    if syntax in NATIVE:
        _check_native(dataset, layout)
        return _by_pydicom(dataset, syntax, layout)
    frame = _first_frame_bytes(dataset, syntax, layout)
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
    shifts = _unusual_bits(dataset)
    options: dict[str, Any] = {} if shifts is None else {"correct_unused_bits": False}
    plugin = "" if syntax in NATIVE else "pydicom"
    stored, facts = get_decoder(syntax).as_array(
        dataset, index=0, raw=True, decoding_plugin=plugin, **options
    )
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if shifts is not None:
        left, right = shifts
        stored = stored << left >> right
    return Frame(stored, str(facts["photometric_interpretation"]), layout.bits)


def _by_codestream(frame: bytes, syntax: UID, layout: Layout) -> Frame:
    """Decode a frame that tells what it is."""
    found = check_codestream(frame, layout.size)
    if (found.coding is Coding.JPEG_2000) == (syntax in JPEG):
        raise Corrupt(f"the transfer syntax says {name_of(syntax)}, the frame is {found.coding}")
    frame = repaired(frame)
    stored, bits = reconciled(decode_frame(frame, found), found, layout)
    kind = color_of(stored, found, layout.photometric)
    damaged = found.coding is Coding.JPEG and is_damaged(frame)
    return Frame(stored, kind, bits, damaged)


def _check_native(dataset: FileDataset, layout: Layout) -> None:
    """Check that uncompressed pixels are as many as the header says, and lie there bare."""
    pixels = next(dataset[name].value for name in PIXELS if name in dataset)
    if layout.size[2] > 1:
        integer_of(dataset, "PlanarConfiguration")  # it must be there
    bits = math.prod(layout.size) * layout.frames * layout.allocated
    if layout.photometric == "YBR_FULL_422":  # two pixels share a color
        bits = bits // 3 * 2
    if pixels[:4] in _ITEM:
        raise Corrupt(
            "the transfer syntax says that the pixels are not compressed, but they lie in items "
            "as only compressed ones do"
        )
    if len(pixels) * 8 < bits:
        raise EOFError
    expected = (bits + 7) // 8
    if len(pixels) - expected > max(expected // 8, _PADDING):
        raise Corrupt(
            f"the DICOM header promises {expected} bytes of pixels, the file has {len(pixels)}"
        )


def _first_frame_bytes(dataset: FileDataset, syntax: UID, layout: Layout) -> bytes:
    """Return the first frame; where the count of items says what it is, no table is asked."""
    if syntax == RLELossless and layout.allocated % 8:
        raise UnsupportedCompression(
            "the pixels are RLE of single bits, which is not decoded here; decompress it first"
        )
    pixels: bytes = dataset.PixelData
    frames = layout.frames
    if pixels[:4] != _ITEM[0]:
        raise Corrupt(
            f"the transfer syntax says {name_of(syntax)}, but the pixels are not in items as "
            "compressed ones are"
        )
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
        raise NoPixelData("this DICOM file has no image (its compressed frame is empty)")
    return frame


def _unusual_bits(dataset: FileDataset) -> tuple[int, int] | None:
    """Return by how many bits to shift left, then right, where the stored bits are not the lowest.

    PS3.5 8.1.1; pydicom assumes that they are.
    """
    names = ("BitsAllocated", "BitsStored", "HighBit")
    if any(dataset.get(name) is None for name in names):
        return None
    allocated, bits, high = (integer_of(dataset, name) for name in names)
    if not 0 < bits <= high < allocated:  # an impossible high bit is ignored
        return None
    return allocated - 1 - high, allocated - bits
