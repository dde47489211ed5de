"""The lookup tables and windows that a dataset names, without those that cannot be meant.

Some writers put a placeholder where they have nothing to say: a window of width 0, "NaN", a table
without entries. It counts as absent.
"""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.dicom.attributes import number_of, numbers_of, text_of
from cxr_edge.imaging.dicom.lut import FUNCTIONS, Function, Lut, Rescale, Window

_T = TypeVar("_T", Lut, Window)


def modality_of(dataset: FileDataset, *, signed: bool) -> tuple[Rescale | Lut, bool]:
    """Return the Modality LUT, PS3.3 C.11.1, and whether a placeholder was left out.

    A slope without an intercept, or the other way round, is taken with an intercept of 0 or a slope
    of 1.

    Parameters
    ----------
    dataset
        Dataset with one sample per pixel.
    signed
        Whether its stored values may be below zero.

    Raises
    ------
    Corrupt
        Slope or intercept is no number.
    """
    table, ignored = _first(_tables(dataset, "ModalityLUTSequence", signed=signed))
    if table:
        return table, ignored
    slope, intercept = number_of(dataset, "RescaleSlope"), number_of(dataset, "RescaleIntercept")
    if slope == 0:  # a placeholder: it would make every pixel the same
        return Rescale(), True
    return Rescale(1 if slope is None else slope, intercept or 0), ignored


def voi_of(
    dataset: FileDataset, modality: Rescale | Lut, stored: NDArray[Any], span: tuple[float, float]
) -> tuple[Window | Lut | None, bool]:
    """Return the VOI LUT or window, PS3.3 C.11.2, and whether a placeholder was left out.

    Tables come before windows; the first that shows more than one gray is taken.

    Parameters
    ----------
    dataset
        Dataset with one sample per pixel.
    modality
        Its Modality LUT.
    stored
        Stored values of the picture, at least one.
    span
        Least and largest stored value that its header allows.

    Raises
    ------
    Corrupt
        The window has a function that DICOM does not know.
    """
    below_zero = isinstance(modality, Rescale) and bool((modality(np.array(span)) < 0).any())
    values = modality(_between(stored))

    def shows(candidate: Window | Lut) -> bool:
        gray = candidate(values)
        return bool(gray.min() < gray.max())

    tables = _tables(dataset, "VOILUTSequence", signed=below_zero)
    table, no_table = _first(table if table and shows(table) else None for table in tables)
    if table:
        return table, no_table
    windows = _windows(dataset)
    window, no_window = _first(window if window and shows(window) else None for window in windows)
    return window, no_table or no_window


def _first(candidates: Iterable[_T | None]) -> tuple[_T | None, bool]:
    """Return the first that is not None, and whether a None stood before it."""
    ignored = False
    for candidate in candidates:
        if candidate is not None:
            return candidate, ignored
        ignored = True
    return None, ignored


def _between(stored: NDArray[Any]) -> NDArray[Any]:
    """Return the values from the least to the largest one, or these two if they are far apart."""
    low, high = np.nanmin(stored), np.nanmax(stored)
    if stored.dtype.kind in "iu" and int(high) - int(low) < 1 << 16:
        return np.arange(int(low), int(high) + 1)
    return np.array([low, high])


def _tables(dataset: FileDataset, keyword: str, *, signed: bool) -> Iterator[Lut | None]:
    order = "<" if dataset.original_encoding[1] else ">"
    for item in dataset.get(keyword) or []:
        yield _lut(item, signed=signed, order=order)


def _lut(item: Dataset, *, signed: bool, order: str) -> Lut | None:
    """Return the table of an item, None if it is empty."""
    descriptor = [value for value in numbers_of(item, "LUTDescriptor") if value is not None]
    entries = item.get("LUTData")
    if len(descriptor) != 3 or entries is None:
        return None
    count, first, bits = (int(value) for value in descriptor)
    if isinstance(entries, bytes):
        packed = bits <= 8 and len(entries) < 2 * (count or 1 << 16)
        entries = np.frombuffer(entries, "u1" if packed else order + "u2")
    entries = np.atleast_1d(np.asarray(entries))
    if entries.dtype.kind == "i":  # written with a sign, which entries have not
        entries = entries & 0xFFFF
    return Lut(as_signed(first) if signed else first, bits, entries) if entries.size else None


def as_signed(value: int) -> int:
    """Return a value below zero that was written or read as unsigned 16 bits."""
    return value - (1 << 16) if value >= 1 << 15 else value


def as_unsigned(value: int) -> int:
    """Return a value that was written or read as signed 16 bits, though it has no sign."""
    return value + (1 << 16) if value < 0 else value


def _windows(dataset: FileDataset) -> Iterator[Window | None]:
    centers, widths = (numbers_of(dataset, f"Window{name}") for name in ("Center", "Width"))
    for center, width in zip_longest(centers, widths):
        function = _function(dataset)
        if center is None or width is None or not Window.is_possible(width, function):
            yield None
        else:
            yield Window(center, width, function)


def _function(dataset: FileDataset) -> Function:
    named = text_of(dataset, "VOILUTFunction") or "LINEAR"
    function = next((name for name in FUNCTIONS if name == named), None)
    if function is None:
        raise Corrupt(f"expected a VOI LUT function of {', '.join(FUNCTIONS)}, got another")
    return function
