"""JPEG inside a TIFF file: its frames held against the tags, which libtiff believes alone."""

import struct
from typing import Final

from cxr_edge.errors import Corrupt, UnsupportedFormat
from cxr_edge.imaging.headers.jpeg_frame import JpegFrame, jpeg_frame
from cxr_edge.imaging.headers.tiff_page import JPEG, RGB, YCBCR, Tag, Tags, number
from cxr_edge.imaging.headers.tiff_strips import Block, blocks_of
from cxr_edge.system.plural import counted

_COLORS: Final = {RGB: "RGB", YCBCR: "YBR_FULL"}
_YCCK: Final = 2
_FULL_SIZE: Final = (1, 1)


def check_jpegs(data: bytes, tags: Tags) -> None:
    """Refuse strips and tiles in JPEG that contradict the tags.

    The decoder fills up a JPEG that is too small with what is in memory, and takes its colors for
    those that the tags name.

    Parameters
    ----------
    data
        All bytes of the file.
    tags
        Tags of the page.

    Raises
    ------
    UnsupportedFormat
        Size, samples per pixel, colors or their subsampling are others than those of the tags.
    Corrupt
        There is no JPEG in a strip or tile.
    """
    if number(tags, Tag.COMPRESSION, 1) != JPEG:
        return
    for block in blocks_of(data, tags):
        try:
            frame = jpeg_frame(block.packed)
        except (struct.error, IndexError) as exc:
            raise Corrupt("the TIFF file is damaged: a JPEG in it ends within its header") from exc
        if wrong := _contradiction(frame, block, tags):
            raise UnsupportedFormat(
                f"expected a TIFF whose tags say what the JPEG inside has, got {wrong}; convert it "
                "to PNG"
            )


def _contradiction(frame: JpegFrame, block: Block, tags: Tags) -> str:
    """Return how a frame contradicts the tags, empty where it does not."""
    samples = number(tags, Tag.SAMPLES, 1) if number(tags, Tag.PLANAR, 1) == 1 else 1
    photometric = number(tags, Tag.PHOTOMETRIC, 1)
    if frame.columns != block.columns or frame.rows not in (block.inside, block.rows):
        there = f"{frame.columns} x {frame.rows} pixels"
        return f"{there} where {block.columns} x {block.inside} belong"
    if frame.samples != samples:
        there = counted(frame.samples, "sample", "samples")
        return f"{there} per pixel in place of {samples}"
    told = _COLORS.get(photometric)
    if samples > 1 and (
        frame.adobe == _YCCK or (told is not None and frame.color not in (None, told))
    ):
        return "colors that are stored otherwise"
    luma, *others = frame.factors
    expected = _FULL_SIZE
    if photometric == YCBCR and samples > 1:
        size = tags.get(Tag.SUBSAMPLING)
        expected = luma if size is None else (int(size[0]), int(size[-1]))
    if luma != expected or any(other != _FULL_SIZE for other in others):
        return "colors that are stored at another size"
    return ""
