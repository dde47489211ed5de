"""A page of a TIFF file, and whether OpenCV reads it rightly.

OpenCV 5 gives other pixels without an error for some pages (planes of 16 bits apart, 1 or 10 to 14
bits, JPEG 2000 inside), so only what was compared with another decoder is read.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import UnsupportedFormat


class Tag(IntEnum):
    """The tags of a directory that tell how its pixels are stored (TIFF 6.0)."""

    NEW_SUBFILE_TYPE = 254
    SUBFILE_TYPE = 255
    WIDTH = 256
    LENGTH = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    SUB_DIRECTORIES = 330
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    SUBSAMPLING = 530


Tags = Mapping[int, NDArray[np.unsignedinteger]]
"""Values of the tags of a directory; a tag without a value is absent."""

UNASSOCIATED: Final = 2
"""Value of ExtraSamples: transparency that the other samples were not multiplied with."""

LZW: Final = 5
"""Value of Compression."""
PACKBITS: Final = 32773
"""Value of Compression."""
DEFLATE: Final = (8, 32946)
"""Values of Compression, the second an old one: strips and tiles end with a checksum."""
YCBCR: Final = 6
"""Value of PhotometricInterpretation: color may be stored at another size than luma."""

JPEG: Final = 7
"""Value of Compression: each strip or tile is a JPEG, whose tables may be in the directory."""
RGB: Final = 2
"""Value of PhotometricInterpretation."""

_UNCOMPRESSED: Final = 1
_LOSSLESS: Final = (_UNCOMPRESSED, LZW, PACKBITS, *DEFLATE)
_PREDICTED: Final = (LZW, *DEFLATE)
_COMPRESSIONS: Final[Mapping[int, str]] = {
    _UNCOMPRESSED: "no compression",
    2: "CCITT compression",
    3: "CCITT Group 3",
    4: "CCITT Group 4",
    LZW: "LZW",
    6: "old-style JPEG",
    JPEG: "JPEG",
    **dict.fromkeys(DEFLATE, "deflate"),
    22610: "JPEG XR",
    PACKBITS: "PackBits",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    34927: "WebP",
    34933: "PNG",
    34934: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_GRAY: Final = (0, 1)
_TILE_BLOCK: Final = 1024
_PALETTE, _CMYK = 3, 5
_COLORS: Final[Mapping[int, str]] = {
    **dict.fromkeys(_GRAY, "gray"),
    RGB: "RGB",
    _PALETTE: "a palette",
    _CMYK: "CMYK",
    YCBCR: "YCbCr",
    8: "CIELAB",
    9: "ICCLAB",
}
_SAMPLE_FORMATS: Final[Mapping[int, str]] = {2: "signed", 3: "floating-point", 5: "complex"}
_READABLE: Final[Mapping[int, Mapping[int, tuple[int, ...]]]] = {
    8: {0: (1,), 1: (1,), RGB: (3, 4), _PALETTE: (1,), _CMYK: (4,), YCBCR: (3,)},
    16: {0: (1,), 1: (1,), RGB: (3, 4)},
}
"""Counts of samples per pixel that are read, by bits and photometric interpretation."""


def number(tags: Tags, tag: Tag, default: int = 0) -> int:
    """Return the first value of a tag, or the default if it is absent."""
    return int(tags[tag][0]) if tag in tags else default


def check_readable(tags: Tags) -> None:
    """Refuse a page that is not read, or not read rightly.

    Parameters
    ----------
    tags
        Tags of its directory.

    Raises
    ------
    UnsupportedFormat
        It is one; the message says what it has inside.
    """
    if not _is_readable(tags):
        raise UnsupportedFormat(
            "expected a TIFF of 8 or 16 bits per sample, uncompressed or with LZW, deflate, "
            f"PackBits or 8-bit JPEG; got {_described(tags)}; convert it to PNG"
        )


def _is_readable(tags: Tags) -> bool:
    bits = number(tags, Tag.BITS, 1)
    compression = number(tags, Tag.COMPRESSION, _UNCOMPRESSED)
    photometric = number(tags, Tag.PHOTOMETRIC, 1)
    samples = number(tags, Tag.SAMPLES, 1)
    is_apart = samples > 1 and number(tags, Tag.PLANAR, 1) != 1
    arrays = [tags[tag] for tag in (Tag.BITS, Tag.SAMPLE_FORMAT) if tag in tags]
    even = all((array == array[0]).all() for array in arrays)
    counts = _READABLE.get(bits, {}).get(photometric, ())
    return (
        even
        and number(tags, Tag.SAMPLE_FORMAT, 1) == 1
        and number(tags, Tag.FILL_ORDER, 1) == 1
        and (compression in _LOSSLESS or (compression == JPEG and bits == 8))
        and (compression not in _PREDICTED or number(tags, Tag.PREDICTOR, 1) in (1, 2))
        and (samples in counts or (bits == 8 and _has_gray_only(tags)))
        and not (is_apart and bits == 16)
        and (
            compression != _UNCOMPRESSED or bits == 16 or _has_round_tiles(tags, is_apart=is_apart)
        )
    )


def _has_round_tiles(tags: Tags, *, is_apart: bool) -> bool:
    """Tell whether tiles, if any, fill blocks of 1,024 bytes; OpenCV refuses others."""
    samples = 1 if is_apart else number(tags, Tag.SAMPLES, 1)
    size = number(tags, Tag.TILE_WIDTH) * number(tags, Tag.TILE_LENGTH) * samples
    return Tag.TILE_OFFSETS not in tags or size % _TILE_BLOCK == 0


def _has_gray_only(tags: Tags) -> bool:
    """Tell whether the second sample of two is nothing to be shown."""
    return (
        number(tags, Tag.PHOTOMETRIC, 1) in _GRAY
        and number(tags, Tag.SAMPLES, 1) == 2
        and number(tags, Tag.EXTRA_SAMPLES) != UNASSOCIATED
        and Tag.TILE_OFFSETS not in tags
    )


def _described(tags: Tags) -> str:
    compression = number(tags, Tag.COMPRESSION, _UNCOMPRESSED)
    photometric = number(tags, Tag.PHOTOMETRIC, 1)
    samples = number(tags, Tag.SAMPLES, 1)
    words = [
        _COLORS.get(photometric, f"photometric interpretation {photometric}"),
        f"of {samples} x {number(tags, Tag.BITS, 1)} bits",
        _SAMPLE_FORMATS.get(number(tags, Tag.SAMPLE_FORMAT, 1), ""),
        "with its planes apart" if samples > 1 and number(tags, Tag.PLANAR, 1) != 1 else "",
        "and transparency" if number(tags, Tag.EXTRA_SAMPLES) == UNASSOCIATED else "",
    ]
    name = _COMPRESSIONS.get(compression, f"compression {compression}")
    return f"{' '.join(filter(None, words))}, {name}"
