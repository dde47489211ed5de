"""The rule that makes a label of a probability."""

from dataclasses import replace

import pytest

from cxr_edge.errors import UsageError
from cxr_edge.pipeline.decision import Decision
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.review_band import ReviewBand


def test_labels_follow_the_printed_probability(spec: ModelSpec) -> None:
    """A probability printed as the threshold is positive, whatever its seventh decimal."""
    decision = Decision.of(spec, threshold=0.3)
    assert decision.label(0.29999999) == "PNEUMONIA"
    assert decision.label(0.2999994) == "NORMAL"


def test_images_in_the_review_band_get_no_class(spec: ModelSpec) -> None:
    """Limits hold on their side of the threshold, by the printed probability."""
    band = ReviewBand(0.9, 0.2, 0.8, ())
    decision = Decision.of(replace(spec, review_band=band), threshold=0.5, review_band=True)
    given = [decision.label(p) for p in (0.1999994, 0.19999996, 0.5, 0.80000004, 0.800001)]
    assert given == ["NORMAL", "review", "review", "review", "PNEUMONIA"]
    unasked = Decision.of(replace(spec, review_band=band), threshold=0.5)
    assert unasked.label(0.5) == "PNEUMONIA"


def test_a_model_without_a_band_or_with_a_class_of_that_name_is_told(spec: ModelSpec) -> None:
    """A report whose labels mean two things is not written."""
    with pytest.raises(UsageError, match="expected a model whose spec has a review band"):
        Decision.of(spec, review_band=True)
    named = replace(spec, labels=("NORMAL", "review"), review_band=ReviewBand(0.9, 0.2, 0.8, ()))
    with pytest.raises(UsageError, match="calls a class 'review'"):
        Decision.of(named, review_band=True)
