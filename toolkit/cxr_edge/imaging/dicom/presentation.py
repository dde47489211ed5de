"""The attributes that say how stored values are shown."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_color_lut

from cxr_edge.imaging.bit_depth import bits_in_use
from cxr_edge.imaging.color import is_colored, spread, ybr_spread
from cxr_edge.imaging.dicom.attributes import integer_of, text_of
from cxr_edge.imaging.dicom.frame import Frame
from cxr_edge.imaging.dicom.lut import Gray, Grayscale, Lut, Rescale, Window, scale
from cxr_edge.imaging.dicom.tables import as_signed, as_unsigned, modality_of, voi_of
from cxr_edge.imaging.rules import GrayRule

_CLAIMED_BITS: Final = 16
"""Most bits whose range says what values to expect."""
_GRAY_CHROMA: Final = 1 / 16
"""Greatest distance of color from none, as a share of the range, where an image is all but gray."""
_GRAY_SHARE: Final = 0.99
_LUMA_SPAN: Final = 1 / 4
_FEWEST_BITS: Final = 8
"""Most bits that are always used."""
_EXCESS: Final = 1.5
"""Width of a window, in ranges of the stored bits, from which on it cannot be meant."""


def grayscale_of(
    dataset: FileDataset, stored: NDArray[Any], bits: int, *, inverted: bool
) -> tuple[Grayscale, set[str]]:
    """Return the steps to gray, and the flags ``fewer-bits`` and ``ignored-window`` if they hold.

    Parameters
    ----------
    dataset
        Dataset with one sample per pixel.
    stored
        Stored values of its first frame.
    bits
        Bits of each that are stored.
    inverted
        Whether its photometric interpretation says that the least value is white.

    Raises
    ------
    Corrupt
        Its attributes contradict each other.
    Exception
        Any of :data:`cxr_edge.imaging.dicom.errors.DAMAGE`.
    """
    _describe_by_functional_groups(dataset)
    signed = stored.dtype.kind == "i"
    padding = _padding(dataset, signed=signed)
    picture = stored[(stored < padding[0]) | (stored > padding[1])] if padding else stored
    modality, no_modality = modality_of(dataset, signed=signed)
    voi, no_voi = None, False
    bounds, narrow = (0.0, 1.0), False
    if picture.size:
        voi, no_voi = voi_of(dataset, modality, picture, _span(picture, bits))
        if isinstance(modality, Rescale):
            bounds, narrow = _bounds(picture, bits)
        if isinstance(voi, Window) and _is_claimed(picture, bits):
            low, high = _ends(modality, picture, bits)
            is_excess = voi.width > _EXCESS * (high - low)
            if voi.covers(low, high) and (is_excess or narrow):  # it says nothing
                voi, no_voi = None, no_voi or is_excess
    narrow = narrow and voi is None
    last = voi or modality
    if isinstance(last, Lut):
        narrow = last.used < last.bits
    inverted = inverted or text_of(dataset, "PresentationLUTShape") == "INVERSE"
    flags = {"fewer-bits": narrow, "ignored-window": no_modality or no_voi}
    steps = Grayscale(modality, voi, inverted, bounds, padding)
    return steps, {flag for flag, holds in flags.items() if holds}


def _is_claimed(stored: NDArray[Any], bits: int) -> bool:
    """Tell whether the stored bits say what values to expect, not the values themselves."""
    return stored.dtype.kind in "iu" and bits <= _CLAIMED_BITS


def _ends(modality: Rescale | Lut, stored: NDArray[Any], bits: int) -> tuple[float, float]:
    """Return the least and the largest value, in units of the modality, that there can be."""
    if isinstance(modality, Lut):
        return 0, modality.top
    ends = modality(np.array(_span(stored, bits)))
    return float(ends.min()), float(ends.max())


def _describe_by_functional_groups(dataset: FileDataset) -> None:
    """Copy the attributes of an enhanced object's first frame to where other objects have them."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in (dataset.get(groups) or [])[:1]:
            for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                for item in (group.get(name) or [])[:1]:
                    dataset.update(item)


def _padding(dataset: FileDataset, *, signed: bool) -> tuple[int, int] | None:
    names = ("PixelPaddingValue", "PixelPaddingRangeLimit")
    values = [integer_of(dataset, name) for name in names if dataset.get(name) is not None]
    if dataset.get(names[0]) is None:
        return None
    values = [as_signed(value) if signed else as_unsigned(value) for value in values]
    return min(values), max(values)


def _span(stored: NDArray[Any], bits: int) -> tuple[float, float]:
    """Return the least and the largest value that the stored bits can hold."""
    if not _is_claimed(stored, bits):
        return float(np.nanmin(stored)), float(np.nanmax(stored))
    if stored.dtype.kind == "i":
        return -(1 << bits - 1), (1 << bits - 1) - 1
    return 0, (1 << bits) - 1


def _bounds(picture: NDArray[Any], bits: int) -> tuple[tuple[float, float], bool]:
    """Return the stored values that are black and white without a window, and if they are fewer.

    The ends are those of the stored bits, not of the values. There are two exceptions: of 9 to 16
    stored bits only those in use count, as in other 16-bit images, and the sign only where a value
    is below zero; and an image of more bits or of floating point goes from its least to its
    largest value.
    """
    if not _is_claimed(picture, bits) or bits <= _FEWEST_BITS:
        return _span(picture, bits), False
    least, largest = int(picture.min()), int(picture.max())
    if least < 0:
        used = bits_in_use(bits, 2 * max(largest, -1 - least) + 1)
        return (-(1 << used - 1), (1 << used - 1) - 1), used < bits
    free = bits - 1 if picture.dtype.kind == "i" else bits
    used = min(bits_in_use(bits, largest), free)
    return (0, (1 << used) - 1), used < free


def palette_gray(
    dataset: FileDataset, stored: NDArray[Any], depth: type[Gray], rule: GrayRule
) -> NDArray[Gray]:
    """Return the gray of palette indices, same shape, PS3.3 C.7.6.3.1.5."""
    rgb, bits = _through_palette(dataset, stored)
    return scale(rule.from_rgb(rgb.astype(np.float32)), 0, (1 << bits) - 1, depth).reshape(
        stored.shape
    )


def palette_is_colored(dataset: FileDataset, stored: NDArray[Any]) -> bool:
    """Tell whether any of the entries of a palette that pixels use shows color."""
    rgb, bits = _through_palette(dataset, np.unique(stored))
    return is_colored(spread(rgb), bits)


def _through_palette(dataset: FileDataset, stored: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return the entries of palette indices, shape (1, indices, 3), and the bits that they use."""
    rgb = apply_color_lut(stored.reshape(1, -1), dataset)[..., :3]
    peak = int(rgb.max())
    claimed = int(dataset.RedPaletteColorLookupTableDescriptor[2])
    return rgb, max(bits_in_use(claimed, peak), peak.bit_length())


def color_gray(frame: Frame, depth: type[Gray], rule: GrayRule) -> tuple[NDArray[Gray], int, bool]:
    """Return the gray of three channels, the bits that they use, and whether they show color."""
    is_ybr = frame.photometric.startswith("YBR_FULL") or _is_gray_ybr(frame)
    seen = rule.from_ybr(frame.stored) if is_ybr else frame.stored
    used = bits_in_use(frame.bits, int(seen.max()))
    gray = seen if is_ybr else rule.from_rgb(seen.astype(np.float32))
    if is_ybr:
        bits = bits_in_use(frame.bits, int(frame.stored.max()))
        difference = ybr_spread(frame.stored[..., 1:], bits)
    else:
        difference, bits = spread(frame.stored), used
    return scale(gray, 0, (1 << used) - 1, depth), used, is_colored(difference, bits)


def _is_gray_ybr(frame: Frame) -> bool:
    """Tell whether channels that claim to be RGB are the luma and the missing color of gray."""
    span = 1 << frame.bits
    luma, chroma = frame.stored[..., 0], frame.stored[..., 1:].astype(np.int64)
    is_gray = np.mean(np.abs(chroma - span // 2) <= _GRAY_CHROMA * span) >= _GRAY_SHARE
    return bool(is_gray) and int(luma.max()) - int(luma.min()) >= _LUMA_SPAN * span
