"""Figures at operating points."""

import json

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, confusion_matrix, precision_score, recall_score

from cxr_edge.evaluation.figures import figures
from cxr_edge.metrics.proportions import wilson
from cxr_edge.spec.operating_point import OperatingPoint

POINTS = (OperatingPoint("screening", 0.3), OperatingPoint("study", 0.5))


def test_the_figures_are_scikit_learns() -> None:
    """Confusion matrix, recall, precision and Brier score equal the library's."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    scores = np.clip(labels * 0.3 + rng.uniform(0, 0.7, 200), 0, 1).round(6)
    found = figures(labels, scores, POINTS)
    for point in found.points:
        called = scores >= point.threshold
        tn, fp, fn, tp = confusion_matrix(labels, called).ravel()
        assert (point.tn, point.fp, point.fn, point.tp) == (tn, fp, fn, tp)
        assert point.sensitivity is not None
        assert point.ppv is not None
        assert point.sensitivity.value == pytest.approx(recall_score(labels, called))
        assert point.ppv.value == pytest.approx(precision_score(labels, called))
        assert point.specificity == wilson(int(tn), int(tn + fp))
        assert point.npv == wilson(int(tn), int(tn + fn))
    assert found.brier == pytest.approx(brier_score_loss(labels, scores))


def test_a_missing_class_has_no_auc() -> None:
    """Nor a specificity; what can be told is told, and it is JSON."""
    found = figures([1, 1], [0.4, 0.9], POINTS)
    assert found.auc is None
    assert found.point("study").specificity is None
    assert found.point("study").accuracy == wilson(1, 2)
    assert json.loads(json.dumps(found.to_dict()))["points"][1]["npv"] is not None


def test_a_score_on_the_threshold_is_a_call() -> None:
    """At the decimals of the report, as in a scan."""
    found = figures([1, 0], [0.2999999, 0.29], POINTS).point("screening")
    assert (found.tp, found.fp) == (1, 0)
