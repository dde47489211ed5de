"""The first frame of a dataset, checked against its header and decoded."""

import math
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, RLELossless

from cxr_edge.errors import NoPixelData, UnsupportedCompression
from cxr_edge.imaging.dicom.codestream import check_codestream, check_rle, repaired
from cxr_edge.imaging.dicom.dataset import NATIVE, PIXELS
from cxr_edge.imaging.dicom.transfer_syntaxes import plugin_for


def first_frame(
    dataset: FileDataset, syntax: UID, size: tuple[int, int, int], frames: int
) -> tuple[NDArray[Any], str]:
    """Check that the pixels are those that the header promises, and decode the first frame.

    Parameters
    ----------
    dataset
        Dataset as parsed; only its first frame is left in it.
    syntax
        Transfer syntax of its pixels; :func:`plugin_for` accepts it.
    size
        (rows, columns, samples per pixel) by its header.
    frames
        Count of frames by its header.

    Returns
    -------
    tuple
        Stored values of native byte order, (rows, columns) or (rows, columns, 3), and their
        photometric interpretation after decoding.

    Raises
    ------
    EOFError
        There are fewer bytes than the header promises.
    ImageError
        The compressed frame does not match the header, as for :func:`check_codestream`.
    Exception
        Any of :data:`cxr_edge.imaging.dicom.errors.DAMAGE`.
    """
    if syntax in NATIVE:
        _check_length(dataset, math.prod(size) * frames)
    else:
        _keep_first_frame(dataset, syntax, size, frames)
    shifts = _unusual_bits(dataset) if syntax in (*NATIVE, RLELossless) else None
    options: dict[str, Any] = {} if shifts is None else {"correct_unused_bits": False}
    stored, facts = get_decoder(syntax).as_array(
        dataset, index=0, raw=True, decoding_plugin=plugin_for(syntax), **options
    )
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if shifts is not None:
        left, right = shifts
        stored = stored << left >> right
    return stored, str(facts["photometric_interpretation"])


def _check_length(dataset: FileDataset, values: int) -> None:
    bits = values * int(dataset.BitsAllocated)
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422":  # two pixels share a color
        bits = bits // 3 * 2
    if any(len(dataset[name].value) * 8 < bits for name in PIXELS if name in dataset):
        raise EOFError


def _keep_first_frame(
    dataset: FileDataset, syntax: UID, size: tuple[int, int, int], frames: int
) -> None:
    """Check the first frame's codestream, and remove all other frames."""
    bits = int(dataset.BitsAllocated)
    if syntax == RLELossless and bits % 8:
        raise UnsupportedCompression(
            "the pixels are RLE of single bits, which is not decoded here; decompress it first"
        )
    offsets = None
    if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
        del dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    frame = get_frame(dataset.PixelData, 0, number_of_frames=frames, extended_offsets=offsets)
    if not frame:
        raise NoPixelData("this DICOM file has no image (its compressed frame is empty)")
    if syntax == RLELossless:
        rows, columns, samples = size
        check_rle(frame, rows * columns, samples * bits // 8)
    else:
        check_codestream(frame, size)
        frame = repaired(frame)
    dataset.PixelData = encapsulate([frame], has_bot=False)
    dataset.NumberOfFrames = 1


def _unusual_bits(dataset: FileDataset) -> tuple[int, int] | None:
    """Return by how many bits to shift left, then right, where the stored bits are not the lowest.

    PS3.5 8.1.1; pydicom assumes that they are.
    """
    names = ("BitsAllocated", "BitsStored", "HighBit")
    if any(dataset.get(name) is None for name in names):
        return None
    allocated, bits, high = (int(dataset[name].value) for name in names)
    if not 0 < bits <= high < allocated:  # an impossible high bit is ignored
        return None
    return allocated - 1 - high, allocated - bits
