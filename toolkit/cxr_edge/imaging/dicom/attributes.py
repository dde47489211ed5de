"""Attributes of a dataset as plain values; what is wrong with one is told by its name."""

import math
from typing import Final

from pydicom.datadict import dictionary_description, dictionary_has_tag
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.dicom.errors import DAMAGE

_NUMBER: Final = "a number"


def described(attribute: str | BaseTag) -> str:
    """Return the name and tag of an attribute by its keyword or tag, as in "Rows (0028,0010)"."""
    tag = Tag(attribute)
    if not dictionary_has_tag(tag):
        return f"the element ({tag.group:04X},{tag.element:04X})"
    return f"{dictionary_description(tag)} ({tag.group:04X},{tag.element:04X})"


def missing(keyword: str) -> Corrupt:
    """Return the error for an attribute without which pixels have no meaning."""
    return Corrupt(f"the DICOM file has no {described(keyword)}")


def text_of(dataset: Dataset, name: str) -> str:
    """Return an attribute as text, upper case, values apart by a backslash; empty if absent.

    The name ``ViewCode`` stands for the value of the view's code.
    """
    if name == "ViewCode":
        codes = dataset.get("ViewCodeSequence")
        return text_of(codes[0], "CodeValue") if codes else ""
    return "\\".join(str(value).strip().upper() for value in _values(dataset, name))


def word_of(dataset: Dataset, keyword: str) -> str:
    """Return a text that must be there, once.

    Raises
    ------
    Corrupt
        It is absent, empty or there are several.
    """
    return str(_single(dataset, keyword)).strip()


def integer_of(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """Return a whole number; where it is absent or empty, the default.

    Raises
    ------
    Corrupt
        It is no whole number, there are several, or it is absent and there is no default.
    """
    if default is not None and not _values(dataset, keyword):
        return default
    value = _single(dataset, keyword)
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]  # pydicom's numbers
    except (TypeError, ValueError, OverflowError) as exc:
        raise _not(_NUMBER, keyword) from exc


def number_of(dataset: Dataset, keyword: str) -> float | None:
    """Return a number; None where it is absent or empty.

    Raises
    ------
    Corrupt
        It is no finite number, or there are several.
    """
    if not _values(dataset, keyword):
        return None
    number = as_number(_single(dataset, keyword))
    if number is None:
        raise _not(_NUMBER, keyword)
    return number


def numbers_of(dataset: Dataset, keyword: str) -> list[float | None]:
    """Return the values of an attribute, each None where it is no finite number."""
    try:
        return [as_number(value) for value in _values(dataset, keyword)]
    except Corrupt:
        return [None]


def as_number(value: object) -> float | None:
    """Return a value as a finite number, None if it is none."""
    try:
        number = float(value)  # type: ignore[arg-type]  # pydicom's numbers
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _single(dataset: Dataset, keyword: str) -> object:
    values = _values(dataset, keyword)
    if not values:
        raise missing(keyword)
    if any(value != values[0] for value in values):
        raise Corrupt(
            f"expected one value of {described(keyword)} in the DICOM file, got {len(values)}"
        )
    return values[0]


def _values(dataset: Dataset, keyword: str) -> list[object]:
    try:
        value = dataset.get(keyword)
    except DAMAGE as exc:  # their text may hold bytes of the header
        raise _not("readable", keyword) from exc
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue | list) else [value]


def _not(what: str, keyword: str) -> Corrupt:
    return Corrupt(f"the DICOM file's {described(keyword)} is not {what}")
