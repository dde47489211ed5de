"""Transfer syntaxes that are decoded, and the library that decodes each."""

from functools import cache
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
from cxr_edge.extras import install_command
from cxr_edge.imaging.dicom.dataset import NATIVE, name_of

_BY_LIBJPEG: Final = (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)
_BY_OPENJPEG: Final = (
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    HTJ2K,
)

BY_PLUGIN: Final = (*_BY_LIBJPEG, *_BY_OPENJPEG)
"""Compressed transfer syntaxes that a plugin of pydicom decodes; RLE it decodes by itself."""

_PLUGIN: Final = "pylibjpeg"
"""pydicom's name of the plugin that is used, whatever else is installed.

Pillow gives other pixels; GDCM and pylibjpeg-rle end the process on damaged frames.
"""

ALWAYS_LOSSY: Final = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)
"""Transfer syntaxes that exist only with loss."""


def plugin_for(syntax: UID) -> str:
    """Return the plugin of pydicom that decodes a transfer syntax; empty if it is uncompressed.

    Raises
    ------
    UnsupportedCompression
        The plugin is not installed, or there is none.
    """
    if syntax in NATIVE:
        return ""
    if syntax == RLELossless:
        return "pydicom"
    if syntax not in BY_PLUGIN:
        raise UnsupportedCompression(f"{name_of(syntax)} is not decoded here; decompress it first")
    if _PLUGIN not in get_decoder(syntax).available_plugins:
        raise UnsupportedCompression(
            f"no decoder of {name_of(syntax)} is installed: {decoder_install_command(syntax)}"
        )
    return _PLUGIN


def is_jpeg(syntax: UID) -> bool:
    """Tell whether frames of one of :data:`BY_PLUGIN` are JPEG or JPEG-LS, else JPEG 2000."""
    return syntax in _BY_LIBJPEG


@cache
def decoder_install_command(syntax: UID) -> str:
    """Return the command that installs what decodes one of :data:`BY_PLUGIN`."""
    if syntax in _BY_LIBJPEG:
        return install_command("dicom")
    return "pip install pylibjpeg pylibjpeg-openjpeg"
