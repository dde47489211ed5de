"""The rule that makes a label of a probability."""

from cxr_edge.pipeline.decision import Decision
from cxr_edge.spec.model_spec import ModelSpec


def test_labels_follow_the_printed_probability(spec: ModelSpec) -> None:
    """A probability printed as the threshold is positive, whatever its seventh decimal."""
    decision = Decision.of(spec, threshold=0.3)
    assert decision.label(0.29999999) == "PNEUMONIA"
    assert decision.label(0.2999994) == "NORMAL"
