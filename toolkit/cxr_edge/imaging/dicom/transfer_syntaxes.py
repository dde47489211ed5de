"""Transfer syntaxes whose pixels are decoded."""

from typing import Final

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxr_edge.errors import UnsupportedCompression
from cxr_edge.imaging.dicom.dataset import NATIVE, name_of

JPEG: Final = (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)
"""Transfer syntaxes whose frames are JPEG or JPEG-LS."""

_JPEG_2000: Final = (
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    HTJ2K,
)

COMPRESSED: Final = (*JPEG, *_JPEG_2000, RLELossless)
"""Transfer syntaxes whose frames are compressed."""

ALWAYS_LOSSY: Final = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)
"""Transfer syntaxes that exist only with loss."""


def check_decoded(syntax: UID) -> None:
    """Refuse a transfer syntax whose pixels are not decoded.

    Raises
    ------
    UnsupportedCompression
        It is one; the message names it.
    """
    if syntax not in (*NATIVE, *COMPRESSED):
        raise UnsupportedCompression(f"{name_of(syntax)} is not decoded here; decompress it first")
