"""Numbers on the command line: each option has a range, and nothing else passes."""

from dataclasses import dataclass
from typing import Any

import typer

from cxr_edge.system.printable import printable, shortened
from cxr_edge.system.ranges import Range


def bounds(within: Range) -> dict[str, Any]:
    """Return the parameters of ``typer.Option`` that read a number and check its range."""
    return {"parser": _Number(str(within), within.whole, within)}


def one_of(first: int, second: int) -> dict[str, Any]:
    """Return the parameters of ``typer.Option`` that read one of two whole numbers."""
    expected = (first, second)
    return {
        "parser": _Number(f"{first} or {second}", whole=True, accepted=expected),
        "metavar": f"{first}|{second}",
    }


def range_of(parameter: Any) -> Range | None:  # Any: typer keeps the class to itself
    """Return the range of a parameter that reads a number within one."""
    accepted = getattr(getattr(parameter.type, "func", None), "accepted", None)
    return accepted if isinstance(accepted, Range) else None


@dataclass(frozen=True)
class _Number:
    """A reader of numbers, called with the text of an option or with its default."""

    expected: str
    """Words for the numbers that are accepted."""
    whole: bool
    """Whether only whole numbers are meant."""
    accepted: Range | tuple[int, ...]
    """Numbers that are accepted; NaN is in none."""

    @property
    def __name__(self) -> str:
        """Return the name of the type, as typer asks for it."""
        return "int" if self.whole else "float"

    def __call__(self, text: str | float) -> float:
        """Return the number.

        Raises
        ------
        typer.BadParameter
            It is none, or not accepted.
        """
        try:
            number = int(text) if self.whole else float(text)
        except (ValueError, OverflowError):
            number = None
        if number is None or number not in self.accepted:
            got = shortened(printable(str(text))) or "nothing"
            raise typer.BadParameter(f"expected {self.expected}, got {got}")
        return number
