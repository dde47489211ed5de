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
from cxr_edge.imaging.dicom.codestream import Codestream, check_codestream, check_rle, repaired
from cxr_edge.imaging.dicom.dataset import NATIVE, PIXELS, name_of
from cxr_edge.imaging.dicom.layout import Layout
from cxr_edge.imaging.dicom.reconcile import color_of, reconciled
from cxr_edge.imaging.dicom.transfer_syntaxes import is_jpeg, plugin_for

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


def first_frame(dataset: FileDataset, syntax: UID, layout: Layout) -> Frame:
    """Check that the pixels are those that the header promises, and decode the first frame.

    Parameters
    ----------
    dataset
        Dataset as parsed; only its first frame is left in it.
    syntax
        Transfer syntax of its pixels; :func:`plugin_for` accepts it.
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
    codestream = None
    if syntax in NATIVE:
        _check_native(dataset, layout)
    else:
        codestream = _keep_first_frame(dataset, syntax, layout)
    shifts = _unusual_bits(dataset) if codestream is None else None
    options: dict[str, Any] = {} if shifts is None else {"correct_unused_bits": False}
    stored, facts = get_decoder(syntax).as_array(
        dataset, index=0, raw=True, decoding_plugin=plugin_for(syntax), **options
    )
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    kind, bits = str(facts["photometric_interpretation"]), layout.bits
    if shifts is not None:
        left, right = shifts
        stored = stored << left >> right
    if codestream:
        stored, bits = reconciled(stored, codestream, layout)
        kind = color_of(stored, codestream, kind)
    return Frame(stored, kind, bits)


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


def _keep_first_frame(dataset: FileDataset, syntax: UID, layout: Layout) -> Codestream | None:
    """Check the first frame's codestream, and remove all other frames.

    The header is made to say what the codestream says; RLE, which says nothing, gives None.
    """
    if syntax == RLELossless and layout.allocated % 8:
        raise UnsupportedCompression(
            "the pixels are RLE of single bits, which is not decoded here; decompress it first"
        )
    frame = _first_frame_bytes(dataset, syntax, layout.frames)
    if layout.size[2] > 1:
        dataset.PlanarConfiguration = 0  # PS3.3 C.7.6.3.1.3: without meaning here
    codestream = None
    if syntax == RLELossless:
        rows, columns, samples = layout.size
        check_rle(frame, rows * columns, samples * layout.allocated // 8)
    else:
        codestream = check_codestream(frame, layout.size)
        if codestream.is_jpeg != is_jpeg(syntax):
            got = "JPEG" if codestream.is_jpeg else "JPEG 2000"
            raise Corrupt(f"the transfer syntax says {name_of(syntax)}, the frame is {got}")
        frame = repaired(frame)
        dataset.BitsStored, dataset.HighBit = codestream.bits, codestream.bits - 1
        dataset.BitsAllocated = 8 if codestream.bits <= 8 else 16 if codestream.bits <= 16 else 32
        dataset.PixelRepresentation = int(codestream.signed or 0)
    dataset.PixelData = encapsulate([frame], has_bot=False)
    dataset.NumberOfFrames = 1
    return codestream


def _first_frame_bytes(dataset: FileDataset, syntax: UID, frames: int) -> bytes:
    """Return the first frame; where the count of items says what it is, no table is asked."""
    pixels: bytes = dataset.PixelData
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
