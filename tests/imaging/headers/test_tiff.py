"""The first directory of a TIFF file."""

import contextlib
import struct
import tracemalloc

import numpy as np
import pytest
from rasters import BITS, BYTES, LENGTH, OFFSETS, PHOTOMETRIC, WIDTH, tiff

from cxr_edge.errors import ImageError, Truncated, UnsupportedFormat
from cxr_edge.imaging.headers.tiff import tiff_header
from cxr_edge.imaging.sniff import Format


@pytest.mark.parametrize("tag", [WIDTH, LENGTH, BITS, PHOTOMETRIC, *OFFSETS.values()])
@pytest.mark.parametrize("store", OFFSETS)
def test_a_tiff_entry_without_values_does_no_harm(store: str, tag: int) -> None:
    """A directory entry that promises no values ends in a header or an ImageError."""
    data = tiff(store=store)
    head = struct.pack("<HH", tag, 4)
    empty = data.replace(head + struct.pack("<I", 1), head + struct.pack("<I", 0))
    with contextlib.suppress(ImageError):
        assert tiff_header(empty).format is Format.TIFF


@pytest.mark.parametrize("tag", [700, OFFSETS["strips"], BITS])
def test_tiff_entries_that_share_their_values_are_not_multiplied(tag: int) -> None:
    """However many entries name the same long list, less memory is taken than the file has."""
    values, entries = 20_000, 400
    tags = [(WIDTH, 1, 30), (LENGTH, 1, 20), (BITS, 1, 8), *[(tag, values, 8)] * entries]
    directory = 8 + 4 * values
    data = struct.pack("<4sI", b"II*\0", directory) + bytes(4 * values)
    data += struct.pack("<H", len(tags))
    data += b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, count, value in tags)
    data += bytes(4)
    tracemalloc.start()
    try:
        with contextlib.suppress(UnsupportedFormat):  # of no bits
            header = tiff_header(data)
            assert (header.width, header.height) == (30, 20)
        assert tracemalloc.get_traced_memory()[1] < len(data)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("wrong", [0, 70_000, 99_999])
def test_every_strip_is_looked_at(wrong: int) -> None:
    """One strip in a hundred thousand that lies behind the end of the file is found."""
    count = 100_000
    places = np.full(count, 8, "<u4")
    places[wrong] = 1 << 31
    directory = 8 + 8 * count
    tags = [(WIDTH, 1, 1), (LENGTH, 1, count), (OFFSETS["strips"], count, 8)]
    tags += [(BYTES["strips"], count, 8 + 4 * count)]
    data = struct.pack("<4sI", b"II*\0", directory) + places.tobytes() + bytes(4 * count)
    data += struct.pack("<H", len(tags))
    data += b"".join(struct.pack("<HHII", tag, 4, many, value) for tag, many, value in tags)
    with pytest.raises(Truncated, match="within its pixels"):
        tiff_header(data + bytes(4))
