"""The directories of a TIFF file (TIFF 6.0, sections 2 and 8)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import Corrupt, Truncated, UnsupportedFormat
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.headers.tiff_jpeg import check_jpegs
from cxr_edge.imaging.headers.tiff_page import UNASSOCIATED, Tag, Tags, check_readable, number
from cxr_edge.imaging.sniff import Format

_TYPES: Final = {1: "u1", 3: "u2", 4: "u4", 13: "u4"}
_KNOWN: Final = frozenset(Tag)
_MONOCHROME_PHOTOMETRICS: Final = (0, 1)
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType: about the image of another page
_OLD_REDUCED: Final = 2
_BLOCK: Final = 1 << 16
"""Strips or tiles that are compared in one step: an entry may name millions of them."""


@dataclass(frozen=True)
class _Page:
    offset: int
    tags: Tags

    @property
    def is_image(self) -> bool:
        """Whether it is no smaller copy and no mask of another page."""
        kind = number(self.tags, Tag.NEW_SUBFILE_TYPE)
        return not kind & (_REDUCED | _MASK) and (
            number(self.tags, Tag.SUBFILE_TYPE) != _OLD_REDUCED
        )


def tiff_header(data: bytes) -> Header:
    """Read the directory of the first image of a TIFF file, and check that it has its pixels.

    Raises
    ------
    Truncated
        Pixels are missing.
    Corrupt
        The directory names no width or length.
    UnsupportedFormat
        The decoder does not read such files rightly.
    struct.error
        The file ends within its header.
    """
    page, is_last = _image(data)
    tags = page.tags
    if not (Tag.WIDTH in tags and Tag.LENGTH in tags):
        raise Corrupt("the TIFF file's directory names no width and length")
    for offsets, lengths in (
        (Tag.STRIP_OFFSETS, Tag.STRIP_BYTES),
        (Tag.TILE_OFFSETS, Tag.TILE_BYTES),
    ):
        if offsets in tags and lengths in tags:
            _check_within(data, tags[offsets], tags[lengths])
    if not page.is_image and Tag.SUB_DIRECTORIES in tags:
        raise UnsupportedFormat(
            "expected a TIFF whose pages are images, got one whose image lies below a page with a "
            "smaller copy; convert it to PNG"
        )
    check_readable(tags)
    check_jpegs(data, tags)
    photometric = number(tags, Tag.PHOTOMETRIC, 1)
    return Header(
        Format.TIFF,
        width=number(tags, Tag.WIDTH),
        height=number(tags, Tag.LENGTH),
        bits=number(tags, Tag.BITS, 1),
        color=photometric not in _MONOCHROME_PHOTOMETRICS,
        pages=1 if is_last else 2,
        white_is_zero=photometric == 0,
        has_alpha=number(tags, Tag.EXTRA_SAMPLES) == UNASSOCIATED,
    )


def with_image_first(data: bytes) -> bytes:
    """Return a file whose first page is its first image, for decoders that read that page."""
    page, _ = _image(data)
    offset = struct.pack("<I" if data[:2] == b"II" else ">I", page.offset)
    return data if data[4:8] == offset else data[:4] + offset + data[8:]


def image_tags(data: bytes) -> Tags:
    """Return the tags of the first image of a file that :func:`tiff_header` accepts."""
    return _image(data)[0].tags


def _image(data: bytes) -> tuple[_Page, bool]:
    """Return the first page that is an image, else the first one; and whether no other follows."""
    pages = _pages(data)
    first = next(pages)
    images = (page for page in chain([first], pages) if page.is_image)
    page = next(images, first)
    try:
        return page, next(images, None) is None
    except (struct.error, Truncated):  # there is one, though it cannot be read
        return page, False


def _pages(data: bytes) -> Iterator[_Page]:
    """Yield the directories of a file in their order."""
    order = "<" if data[:2] == b"II" else ">"
    seen: set[int] = set()
    (offset,) = struct.unpack_from(order + "I", data, 4)
    while not seen or (offset and offset not in seen):
        seen.add(offset)
        (count,) = struct.unpack_from(order + "H", data, offset)
        page = _Page(offset, _tags(data, order, offset, count))
        (offset,) = struct.unpack_from(order + "I", data, offset + 2 + 12 * count)
        yield page


def _tags(data: bytes, order: str, offset: int, count: int) -> Tags:
    tags: dict[int, NDArray[np.unsignedinteger]] = {}
    for index in range(count):
        at = offset + 2 + 12 * index
        tag, kind, values = struct.unpack_from(order + "HHI", data, at)
        if tag not in _KNOWN or kind not in _TYPES or not values:
            continue  # an empty entry is as good as none
        dtype = np.dtype(order + _TYPES[kind])
        place = at + 8
        if values * dtype.itemsize > 4:
            (place,) = struct.unpack_from(order + "I", data, at + 8)
        if place + values * dtype.itemsize > len(data):
            raise Truncated(f"the TIFF file ends within its header ({len(data)} bytes)")
        # A view: entries may share their values, and together be larger than any memory.
        tags[tag] = np.frombuffer(data, dtype, values, place)
    return tags


def _check_within(
    data: bytes, offsets: NDArray[np.unsignedinteger], lengths: NDArray[np.unsignedinteger]
) -> None:
    """Check that every strip or tile, by its offset and length in bytes, is inside the file."""
    for first in range(0, min(len(offsets), len(lengths)), _BLOCK):
        block = slice(first, min(first + _BLOCK, len(offsets), len(lengths)))
        if (offsets[block].astype(np.int64) + lengths[block] > len(data)).any():
            raise Truncated(f"the TIFF file ends within its pixels ({len(data)} bytes)")
