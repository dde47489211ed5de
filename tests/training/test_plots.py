"""Pictures of a training run, looked at by what is drawn in them."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

pytest.importorskip("keras")

from cxr_edge.training import plots


def test_a_run_of_one_epoch_shows_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure is a mark inside the axes, and equal figures do not hide each other."""
    kept: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, _: kept.append(figure))
    row = {"epoch": 1, "loss": 0.6, "val_loss": 0.7, "accuracy": 0.7, "val_accuracy": 0.7}
    plots.draw_curves([{**row, "auc": 0.8, "val_auc": 0.9}], 1, Path())
    assert len(kept[0].axes) == 3
    for axis in kept[0].axes:
        left, right = axis.get_xlim()
        assert left < 1 < right
        training, validation = axis.lines[1:]
        assert training.get_marker() != validation.get_marker()
        assert validation.get_markerfacecolor() == "none"
        assert validation.get_markersize() > training.get_markersize()
