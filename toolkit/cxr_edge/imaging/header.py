"""Facts from an image file's header."""

from dataclasses import dataclass

from cxr_edge.imaging.sniff import Format


@dataclass(frozen=True)
class Header:
    """Facts from an image file's header."""

    format: Format
    """What the first bytes say."""
    width: int
    """Columns as stored."""
    height: int
    """Rows as stored."""
    bits: int
    """Bits a sample."""
    color: bool
    """Stored with more than one colour channel, or a palette."""
    pages: int = 1
    """1, or 2 for more than one page; they are not counted further."""
    white_is_zero: bool = False
    """TIFF PhotometricInterpretation 0: the largest value is black."""
