"""Figures on their way from an evaluation to a model card."""

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES

from cxr_edge.datasets.image_set import load_images
from cxr_edge.datasets.listing import list_images
from cxr_edge.errors import DataError
from cxr_edge.evaluation.evaluate import evaluate_images
from cxr_edge.evaluation.report import write_evaluation
from cxr_edge.evaluation.summary import Summary
from cxr_edge.models.model import Model
from cxr_edge.spec.input_spec import InputSpec


@pytest.mark.slow
def test_what_is_written_is_read(model: Model, class_folders: Path, tmp_path: Path) -> None:
    """Figures of images, copies and changes come back equal."""
    images = load_images(list_images(class_folders, CLASSES), CLASSES, InputSpec(32, 32))
    found = evaluate_images(model, images, copies=True, counterfactual=True)
    write_evaluation(found, tmp_path)
    summary = Summary.read(tmp_path / "evaluation.json")
    assert summary.figures == found.figures
    assert summary.copies == found.copies
    assert summary.counterfactual == found.counterfactual
    assert (summary.model, summary.group) == (found.model, found.group)
    assert np.isfinite(summary.figures.brier)


@pytest.mark.parametrize("text", ["", "{}", '{"evaluation_version": 99}', "[1]"])
def test_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    """With what was expected."""
    (tmp_path / "evaluation.json").write_text(text)
    with pytest.raises(DataError, match=r"expected the evaluation\.json"):
        Summary.read(tmp_path / "evaluation.json")


def test_a_later_version_is_named(tmp_path: Path) -> None:
    """So that the reader knows what to update."""
    (tmp_path / "evaluation.json").write_text(json.dumps({"evaluation_version": 99}))
    with pytest.raises(DataError, match="version 99"):
        Summary.read(tmp_path / "evaluation.json")
