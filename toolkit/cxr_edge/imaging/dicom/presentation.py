"""The attributes that say how stored values are shown."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.bit_depth import depth_of
from cxr_edge.imaging.dicom.lut import FUNCTIONS, Gray, Grayscale, Lut, Rescale, Window, scale
from cxr_edge.imaging.rules import GrayRule


def grayscale_of(
    dataset: FileDataset, stored: NDArray[Any], *, inverted: bool
) -> tuple[Grayscale, bool]:
    """Return the steps to gray, and whether the values use fewer bits than the header says.

    Parameters
    ----------
    dataset
        Dataset with one sample per pixel.
    stored
        Stored values of its first frame.
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
    modality: Rescale | Lut = Rescale()
    if dataset.get("ModalityLUTSequence"):
        modality = _lut(dataset, dataset.ModalityLUTSequence[0], signed=signed)
    elif dataset.get("RescaleSlope") is not None and dataset.get("RescaleIntercept") is not None:
        modality = Rescale(float(dataset.RescaleSlope), float(dataset.RescaleIntercept))
    voi: Window | Lut | None = None
    if dataset.get("VOILUTSequence"):
        below_zero = signed or (isinstance(modality, Rescale) and modality.intercept < 0)
        voi = _lut(dataset, dataset.VOILUTSequence[0], signed=below_zero)
    elif dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None:
        voi = _window(dataset)
    bounds, narrow = (0.0, 1.0), False
    if voi is None and isinstance(modality, Rescale):
        bounds, narrow = _bounds(dataset, stored, padding)
    inverted = inverted or text_of(dataset, "PresentationLUTShape") == "INVERSE"
    return Grayscale(modality, voi, inverted, bounds, padding), narrow


def _describe_by_functional_groups(dataset: FileDataset) -> None:
    """Copy the attributes of an enhanced object's first frame to where other objects have them."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in (dataset.get(groups) or [])[:1]:
            for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                for item in (group.get(name) or [])[:1]:
                    dataset.update(item)


def _padding(dataset: FileDataset, *, signed: bool) -> tuple[int, int] | None:
    if dataset.get("PixelPaddingValue") is None:
        return None
    values = [int(dataset.PixelPaddingValue)]
    if dataset.get("PixelPaddingRangeLimit") is not None:
        values.append(int(dataset.PixelPaddingRangeLimit))
    if signed:
        values = [_as_signed(value) for value in values]
    return min(values), max(values)


def _as_signed(value: int) -> int:
    """Return a value below zero that was written or read as unsigned 16 bits."""
    return value - (1 << 16) if value >= 1 << 15 else value


def _lut(dataset: FileDataset, item: Dataset, *, signed: bool) -> Lut:
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = item.LUTData
    if isinstance(entries, bytes):
        order = "<" if dataset.original_encoding[1] else ">"
        packed = bits <= 8 and len(entries) < 2 * (count or 1 << 16)
        entries = np.frombuffer(entries, "u1" if packed else order + "u2")
    return Lut(_as_signed(first) if signed else first, bits, np.atleast_1d(np.asarray(entries)))


def _window(dataset: FileDataset) -> Window:
    center, width = (_first(dataset[name].value) for name in ("WindowCenter", "WindowWidth"))
    named = text_of(dataset, "VOILUTFunction") or "LINEAR"
    function = next((name for name in FUNCTIONS if name == named), None)
    if function is None:
        raise Corrupt(f"expected a VOI LUT function of {', '.join(FUNCTIONS)}, got another")
    return Window(center, width, function)


def _first(value: object) -> float:
    return float(value[0] if isinstance(value, MultiValue) else value)  # type: ignore[arg-type]  # pydicom's numbers


def _bounds(
    dataset: FileDataset, stored: NDArray[Any], padding: tuple[int, int] | None
) -> tuple[tuple[float, float], bool]:
    """Return the stored values that are black and white without a window, and if they are fewer.

    The ends are those of the stored bits, not of the values. There are two exceptions: of 16 stored
    bits only those in use count, as in other 16-bit images; and an image of more bits or of
    floating point goes from its least to its largest value.
    """
    picture = stored
    if padding:
        picture = stored[(stored < padding[0]) | (stored > padding[1])]
        if not picture.size:
            return (0, 1), False
    bits = int(dataset.get("BitsStored") or 0)
    if stored.dtype.kind == "f" or bits > 16:
        return (float(np.nanmin(picture)), float(np.nanmax(picture))), False
    signed = stored.dtype.kind == "i"
    if bits == 16:
        peak = max(int(picture.max()), -1 - int(picture.min()))
        bits = depth_of(2 * peak + 1 if signed else peak)
    narrow = bits < int(dataset.BitsStored)
    return ((-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)), narrow


def text_of(dataset: Dataset, name: str) -> str:
    """Return an attribute as text, upper case; empty where it is absent.

    The name ``ViewCode`` stands for the value of the view's code.
    """
    if name == "ViewCode":
        codes = dataset.get("ViewCodeSequence")
        return text_of(codes[0], "CodeValue") if codes else ""
    return str(dataset.get(name) or "").strip().upper()


def palette_gray(
    dataset: FileDataset, stored: NDArray[Any], depth: type[Gray], rule: GrayRule
) -> NDArray[Gray]:
    """Return the gray of palette indices, same shape, PS3.3 C.7.6.3.1.5."""
    rgb = apply_color_lut(stored.reshape(1, -1), dataset)[..., :3]
    bits = max(int(dataset.RedPaletteColorLookupTableDescriptor[2]), int(rgb.max()).bit_length())
    return scale(rule.from_rgb(rgb.astype(np.float32)), 0, (1 << bits) - 1, depth).reshape(
        stored.shape
    )
