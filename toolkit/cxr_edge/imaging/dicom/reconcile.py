"""Samples as a codestream and a header describe them: the codestream is believed.

PS3.5 8.2: the header must describe what comes out of the decoder. Where it does not, the decoder
knows better, unless the values themselves fit only what the header says.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.dicom.codestream import Codestream, Coding
from cxr_edge.imaging.dicom.layout import Layout

_OVERSHOOT: Final = 1e-3
"""Share of the values that compression with loss may push beyond the bits that were stored."""
_GRAY_CHROMA: Final = 16
"""Greatest distance of color from none, of 128, in an image that is all but gray."""
_GRAY_SHARE: Final = 0.99
_LUMA_SPAN: Final = 64
_MIXED: Final = ("YBR_ICT", "YBR_RCT")
"""Photometric interpretations of color that JPEG 2000 itself takes apart and puts together."""


def reconciled(stored: NDArray[Any], found: Codestream, said: Layout) -> tuple[NDArray[Any], int]:
    """Return the values that were meant, and their bits.

    Fewer bits than the codestream has are believed if the values fit into them: encoders often
    write 16 where a device stores 12. A sign that contradicts a JPEG 2000 codestream's is believed
    if the image is smoother with it: values that were written with the wrong sign jump from one
    end of the range to the other.

    Parameters
    ----------
    stored
        Values as decoded, by what the codestream says.
    found
        Facts from the codestream.
    said
        Facts from the header.
    """
    bits = found.bits
    if said.bits < bits:
        low, high = _range(said.bits, signed=stored.dtype.kind == "i")
        beyond = np.count_nonzero((stored < low) | (stored > high))
        if beyond <= _OVERSHOOT * stored.size:
            bits = said.bits
            stored = np.clip(stored, low, high) if beyond else stored
    if found.signed is None:
        return (_resigned(stored, bits) if said.signed else stored), bits
    if found.signed != said.signed:
        other = _resigned(stored, bits)
        stored = other if _roughness(other) < _roughness(stored) else stored
    return stored, bits


def color_of(stored: NDArray[Any], found: Codestream, kind: str) -> str:
    """Return the photometric interpretation that color values have.

    Parameters
    ----------
    stored
        Values as decoded, without a change of color.
    found
        Facts from the codestream.
    kind
        Photometric interpretation by the header.
    """
    if found.coding is Coding.JPEG_2000 and kind in _MIXED:
        return "RGB"  # the decoder has undone it
    if found.size[2] == 1 or found.coding is Coding.JPEG_2000:
        return kind
    if found.color:
        return kind if kind.startswith(found.color[:3]) else found.color
    return "YBR_FULL" if kind == "RGB" and _is_gray_ybr(stored) else kind


def _is_gray_ybr(stored: NDArray[Any]) -> bool:
    """Tell whether three channels are the luma and the missing color of a gray image."""
    if stored.dtype != np.uint8:
        return False
    luma, chroma = stored[..., 0], stored[..., 1:].astype(np.int16)
    is_gray = np.mean(np.abs(chroma - 128) <= _GRAY_CHROMA) >= _GRAY_SHARE
    return bool(is_gray) and int(luma.max()) - int(luma.min()) >= _LUMA_SPAN


def _range(bits: int, *, signed: bool) -> tuple[int, int]:
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def _resigned(stored: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return the same bits read with a sign if they were read without, and the other way round."""
    size = stored.dtype.itemsize
    if stored.dtype.kind == "u":
        unused = 8 * size - bits
        return stored.view(f"i{size}") << unused >> unused
    return stored.view(f"u{size}") & ((1 << bits) - 1)


def _roughness(stored: NDArray[Any]) -> int:
    """Return the sum of the steps from each pixel to the next one in its row."""
    return int(np.abs(np.diff(stored.astype(np.int64), axis=1)).sum())
