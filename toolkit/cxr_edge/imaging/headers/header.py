"""The facts that a raster file's header gives."""

from dataclasses import dataclass

from cxr_edge.imaging.sniff import Format


@dataclass(frozen=True)
class Header:
    """Facts from the header of a JPEG, PNG, TIFF or BMP file."""

    format: Format
    """Format by the first bytes."""
    width: int
    """Columns as stored."""
    height: int
    """Rows as stored."""
    bits: int
    """Bits per sample."""
    color: bool
    """Whether it is stored with more than one color channel, or a palette that is not known to be
    gray; its pixels may be gray all the same."""
    pages: int = 1
    """Count of pages: 1, or 2 for more than one."""
    white_is_zero: bool = False
    """Whether the largest value is black (TIFF PhotometricInterpretation 0)."""
    has_alpha: bool = False
    """Whether pixels may be transparent."""
    transparent_gray: int | None = None
    """Gray sample that stands for a transparent pixel, in a PNG."""
