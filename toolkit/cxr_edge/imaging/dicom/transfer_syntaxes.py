"""Transfer syntaxes, and what decodes each."""

from collections.abc import Mapping
from typing import Final

from pydicom.pixels.decoders.base import get_decoder
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

_JPEG_PACKAGE: Final = "the extra 'dicom' (pylibjpeg-libjpeg)"
_JPEG2000_PACKAGE: Final = "pylibjpeg and pylibjpeg-openjpeg"

DECODED_BY: Final[Mapping[UID, str]] = {
    JPEGBaseline8Bit: _JPEG_PACKAGE,
    JPEGExtended12Bit: _JPEG_PACKAGE,
    JPEGLossless: _JPEG_PACKAGE,
    JPEGLosslessSV1: _JPEG_PACKAGE,
    JPEGLSLossless: _JPEG_PACKAGE,
    JPEGLSNearLossless: _JPEG_PACKAGE,
    JPEG2000Lossless: _JPEG2000_PACKAGE,
    JPEG2000: _JPEG2000_PACKAGE,
    HTJ2KLossless: _JPEG2000_PACKAGE,
    HTJ2KLosslessRPCL: _JPEG2000_PACKAGE,
    HTJ2K: _JPEG2000_PACKAGE,
}
"""Each compressed transfer syntax that can be decoded, and what to install for it; RLE, which
pydicom decodes by itself, is not among them."""

_PLUGIN: Final = "pylibjpeg"
"""pydicom's name of the one that is asked, whatever else is installed.

Pillow gives other pixels; GDCM and pylibjpeg-rle end the process on damaged frames.
"""

ALWAYS_LOSSY: Final = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)


def plugin_for(syntax: UID) -> str:
    """Return the plugin of pydicom that decodes a transfer syntax here.

    Uncompressed ones need none, for which an empty name stands.

    Raises
    ------
    UnsupportedCompression
        It is not installed, or there is none.
    """
    if syntax in NATIVE:
        return ""
    if syntax == RLELossless:
        return "pydicom"
    if syntax not in DECODED_BY:
        raise UnsupportedCompression(
            f"expected a transfer syntax that is decoded here, got {name_of(syntax)}; "
            "decompress it first"
        )
    if _PLUGIN not in get_decoder(syntax).available_plugins:
        raise UnsupportedCompression(
            f"expected a decoder of {name_of(syntax)}, none is installed here; "
            f"install {DECODED_BY[syntax]}"
        )
    return _PLUGIN
