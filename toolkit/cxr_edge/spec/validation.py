"""Checks of values from JSON."""

import math

from cxr_edge.system.printable import printable


def is_int(value: object) -> bool:
    """Tell whether a value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_text(value: object) -> bool:
    """Tell whether a value is text with something in it that stands in a report as it is."""
    return (
        isinstance(value, str)
        and bool(value.strip())
        and value.isprintable()
        and printable(value) == value
    )
