"""The rule that gives an image its label."""

from dataclasses import dataclass

from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS, OperatingPoint


@dataclass(frozen=True)
class Decision:
    """A threshold, and the labels on its two sides."""

    labels: tuple[str, str]
    """Class names: negative, positive."""
    operating_point: str
    """Name of the operating point; ``custom`` for a threshold of the user's."""
    threshold: float
    """Least probability of the positive label, 6 decimals."""

    @classmethod
    def of(
        cls, spec: ModelSpec, operating_point: str | None = None, threshold: float | None = None
    ) -> "Decision":
        """Return the decision for an operating point of the model, or for a threshold.

        Raises
        ------
        UsageError
            The model has no operating point of that name.
        SpecInvalid
            The threshold is not from 0 to 1.
        """
        if threshold is None:
            point = spec.operating_point(operating_point)
        else:
            point = OperatingPoint("custom", threshold)
        return cls(spec.labels, point.name, point.threshold)

    def label(self, probability: float) -> str:
        """Return the label for a probability, rounded as the report prints it."""
        return self.labels[round_probability(probability) >= self.threshold]


def round_probability(probability: float) -> float:
    """Round a probability to the decimals of the report, so that its columns agree."""
    return round(float(probability), PROBABILITY_DECIMALS)
