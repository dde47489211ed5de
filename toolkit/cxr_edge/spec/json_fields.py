"""Values and fields from JSON that somebody else wrote, checked."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from cxr_edge.errors import SpecInvalid
from cxr_edge.system.printable import printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def is_int(value: object) -> bool:
    """Tell whether a value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a finite number; True and False are none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def is_text(value: object) -> bool:
    """Tell whether a value is text that is not blank and can stand in a report unchanged."""
    return (
        isinstance(value, str)
        and bool(value.strip())
        and value.isprintable()
        and printable(value) == value
    )


def mapping(data: object, where: str) -> dict[str, Any]:
    """Return a copy of a JSON object.

    Raises
    ------
    SpecInvalid
        It is something else; the message starts with ``where``.
    """
    if not isinstance(data, Mapping):
        raise SpecInvalid(f"{where}: expected an object, got {type(data).__name__}")
    return dict(data)


def sequence(data: object, where: str) -> list[Any]:
    """Return a JSON list.

    Raises
    ------
    SpecInvalid
        It is something else; the message starts with ``where``.
    """
    if not isinstance(data, list):
        raise SpecInvalid(f"{where}: expected a list, got {type(data).__name__}")
    return data


def build(kind: type[T], fields: dict[str, Any], where: str) -> T:
    """Make a dataclass of fields from JSON.

    Raises
    ------
    SpecInvalid
        A field is missing or unknown, or the dataclass refuses a value.
    """
    known = {field.name: field for field in dataclasses.fields(kind)}
    required = {name for name, field in known.items() if field.default is dataclasses.MISSING}
    if missing := required - fields.keys():
        raise SpecInvalid(f"{where}: {', '.join(sorted(missing))} missing")
    if unknown := fields.keys() - known.keys():
        raise SpecInvalid(f"{where}: unknown field {', '.join(sorted(unknown))}")
    return kind(**fields)
