"""The output that a model gives: probabilities or logits, and the column of each class."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.json_fields import build, is_text, mapping


class OutputValues(StrEnum):
    """Kind of the numbers that a model gives."""

    PROBABILITY = "probability"
    """Probabilities from 0 to 1."""
    LOGIT = "logit"
    """Numbers before the last sigmoid (one column) or softmax (several), which is added."""

    @property
    def plural(self) -> str:
        """Name of several of them."""
        return {"probability": "probabilities", "logit": "logits"}[self.value]


@dataclass(frozen=True)
class OutputSpec:
    """The numbers that a model gives for an image: one, two, or one for each named class."""

    values: OutputValues = OutputValues.PROBABILITY
    """Kind of the numbers."""
    classes: tuple[str, ...] = ()
    """Class of each column, in the order of the model; empty for one column, the probability of
    the positive label, or two in the order of the labels."""
    positive: tuple[str, ...] = ()
    """Those of the classes that the positive label stands for: their probabilities are added up."""

    def __post_init__(self) -> None:
        known = [str(kind) for kind in OutputValues]
        if self.values not in tuple(OutputValues):  # a list from JSON cannot be looked up
            raise SpecInvalid(f"output values: expected {' or '.join(known)}, got {self.values!r}")
        object.__setattr__(self, "values", OutputValues(self.values))
        for name in ("classes", "positive"):
            object.__setattr__(self, name, _names(name, getattr(self, name)))
        if bool(self.classes) != bool(self.positive):
            raise SpecInvalid(
                "output: expected classes and positive together, or neither, got one of them"
            )
        if self.classes and not set(self.positive) < set(self.classes):
            raise SpecInvalid(
                f"output positive: expected one or some of {', '.join(self.classes)}, not all, "
                f"got {', '.join(self.positive)}"
            )
        if len(self.classes) == 1:
            raise SpecInvalid(
                "output classes: expected two or more names, got 1; leave them out for one column"
            )

    @property
    def plain(self) -> bool:
        """Whether the model gives probabilities, one or two, as an exported one does."""
        return self == PLAIN

    @property
    def positive_columns(self) -> tuple[int, ...]:
        """Columns whose probabilities add up to that of the positive label, of several columns."""
        if not self.classes:
            return (1,)
        return tuple(self.classes.index(name) for name in self.positive)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        named = {"classes": list(self.classes), "positive": list(self.positive)}
        return {"values": str(self.values), **(named if self.classes else {})}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        return build(cls, mapping(data, "output"), "output")

    def __str__(self) -> str:
        kind = self.values.plural
        if not self.classes:
            return kind
        return f"{kind} of {', '.join(self.classes)} (positive: {', '.join(self.positive)})"


def _names(field: str, value: object) -> tuple[str, ...]:
    """Return different names; one alone may stand without a list."""
    names = (value,) if isinstance(value, str) else value
    if (
        not isinstance(names, list | tuple)
        or not all(is_text(name) for name in names)
        or len(set(names)) != len(names)
    ):
        raise SpecInvalid(f"output {field}: expected different names, got {value!r}")
    return tuple(names)


PLAIN: Final = OutputSpec()
"""Output of an exported model: one probability, or two in the order of the labels."""
