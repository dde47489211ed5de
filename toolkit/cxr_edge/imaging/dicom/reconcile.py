"""Samples as a codestream and a header describe them: the codestream is believed.

PS3.5 8.2: the header must describe what comes out of the decoder. Where it does not, the decoder
knows better, unless the values themselves fit only what the header says.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.dicom.codestream import Codestream
from cxr_edge.imaging.dicom.layout import Layout
from cxr_edge.imaging.dicom.readings import cut, has_other_sign, sampled

_OVERSHOOT: Final = 1e-3
"""Share of the values that compression with loss may push far beyond the bits that were stored."""
_SLACK_BITS: Final = 4
"""Far is more than one part in two to this power of their range."""
_MIXED: Final = ("YBR_ICT", "YBR_RCT")
"""Photometric interpretations of color that JPEG 2000 itself takes apart and puts together."""


def reconciled(
    stored: NDArray[Any], found: Codestream, said: Layout
) -> tuple[NDArray[Any], int, bool]:
    """Return the values that were meant, their bits, and whether the header misdescribes them.

    Fewer bits than the codestream has are believed if the values fit into them: encoders often
    write 16 where a device stores 12. A sign that contradicts a JPEG 2000 codestream's is believed
    if the image is smoother with it: values that were written with the wrong sign jump from one
    end of the range to the other. The codestream of other formats tells no sign; the header's is
    believed unless the image is clearly smoother without it. So are a codestream and a header that
    agree.

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
    if said.bits < bits and said.overlays:
        bits, stored = said.bits, cut(stored, said.bits, said.bits - 1)
    elif said.bits < bits:
        low, high = _range(said.bits, signed=stored.dtype.kind == "i")
        slack = high - low >> _SLACK_BITS
        beyond = np.count_nonzero((stored < low - slack) | (stored > high + slack))
        if beyond <= _OVERSHOOT * stored.size:
            bits = said.bits
            stored = np.clip(stored, low, high)
    other = _resigned(stored, bits)
    if found.signed not in (None, said.signed):
        return (other if _roughness(other) < _roughness(stored) else stored), bits, False
    if found.signed is None and said.signed:
        stored, other = other, stored
    is_other = said.is_gray and has_other_sign(sampled(stored), sampled(other), bits)
    return (other if is_other else stored), bits, is_other


def color_of(found: Codestream, kind: str) -> str:
    """Return the photometric interpretation that color values have.

    Parameters
    ----------
    found
        Facts from the codestream.
    kind
        Photometric interpretation by the header.
    """
    if found.size[2] > 1 and found.color:
        return kind if kind.startswith(found.color[:3]) else found.color
    return "RGB" if kind in _MIXED else kind


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
