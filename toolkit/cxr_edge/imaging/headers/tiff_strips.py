"""The strips and tiles of a TIFF page, as they are stored (TIFF 6.0, sections 8 and 15)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_edge.imaging.headers.tiff_page import Tag, Tags, number

_NONE: Final = np.empty(0, np.uint32)


@dataclass(frozen=True)
class Block:
    """A strip or tile."""

    packed: memoryview
    """Bytes as stored: a view, since entries may share them and be larger than any memory."""
    columns: int
    """Columns, with those beyond the image."""
    rows: int
    """Rows, with those beyond the image."""
    inside: int
    """Rows that must be there: those that are in the image."""
    row_bytes: int
    """Bytes of a row, unpacked."""


def blocks_of(data: bytes, tags: Tags) -> Iterator[Block]:
    """Yield the strips or tiles that have bytes."""
    view, is_tiled = memoryview(data), Tag.TILE_OFFSETS in tags
    width, length = number(tags, Tag.WIDTH), number(tags, Tag.LENGTH)
    columns = max(number(tags, Tag.TILE_WIDTH), 1) if is_tiled else width
    rows = max(number(tags, Tag.TILE_LENGTH if is_tiled else Tag.ROWS_PER_STRIP, length), 1)
    samples = number(tags, Tag.SAMPLES, 1)
    is_apart = samples > 1 and number(tags, Tag.PLANAR, 1) != 1
    row_bytes = (columns * (1 if is_apart else samples) * number(tags, Tag.BITS, 1) + 7) // 8
    down = -(-length // rows)
    count = -(-width // columns) * down * (samples if is_apart else 1)
    offsets = tags.get(Tag.TILE_OFFSETS if is_tiled else Tag.STRIP_OFFSETS, _NONE)[:count]
    lengths = tags.get(Tag.TILE_BYTES if is_tiled else Tag.STRIP_BYTES, _NONE)[:count]
    for index, (at, size) in enumerate(zip(offsets.tolist(), lengths.tolist(), strict=False)):
        inside = rows if is_tiled else min(rows, length - index % down * rows)
        if size:
            whole = rows if is_tiled else min(rows, length)
            yield Block(view[at : at + size], columns, whole, inside, row_bytes)
