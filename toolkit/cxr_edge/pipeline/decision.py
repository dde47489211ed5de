"""The rule that makes a label of a probability."""

from dataclasses import dataclass

from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS, OperatingPoint


@dataclass(frozen=True)
class Decision:
    """How a probability becomes a label."""

    labels: tuple[str, str]
    """Negative, positive."""
    operating_point: str
    """Its name, ``custom`` for a threshold given by hand."""
    threshold: float
    """Positive from here on, 6 decimals."""

    @classmethod
    def of(
        cls, spec: ModelSpec, operating_point: str | None = None, threshold: float | None = None
    ) -> "Decision":
        """Return the decision by name, or by a threshold of one's own.

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
        """Return the label, judged by the probability as the report prints it."""
        return self.labels[round_probability(probability) >= self.threshold]


def round_probability(probability: float) -> float:
    """Round to the decimals of the report, so that its columns never contradict each other."""
    return round(float(probability), PROBABILITY_DECIMALS)
