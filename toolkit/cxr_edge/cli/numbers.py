"""Numbers on the command line: each option has a range, and nothing else passes."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from cxr_edge.system.ranges import Range


def bounds(within: Range) -> dict[str, Any]:
    """Return the parameters of ``typer.Option`` that check a number and show its range."""
    return {"min": within.least, "max": within.most}


def refuse_nan(parameters: Iterable[Any], values: Mapping[str, Any]) -> None:
    """Refuse NaN, which no comparison with a bound refuses.

    Parameters
    ----------
    parameters
        Parameters of a command.
    values
        Their values by name.

    Raises
    ------
    typer.BadParameter
        A number is NaN.
    """
    for parameter in parameters:
        value = values.get(parameter.name)
        if isinstance(value, float) and math.isnan(value):
            within = Range(parameter.type.min, parameter.type.max, whole=False)
            raise typer.BadParameter(f"expected {within}, got {value}", param=parameter)
