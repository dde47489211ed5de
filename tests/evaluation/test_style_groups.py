"""Figures by appearance."""

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.styles import Styles
from cxr_edge.evaluation.appearance import groups_table
from cxr_edge.evaluation.evaluate import evaluate_images
from cxr_edge.evaluation.report import write_evaluation
from cxr_edge.evaluation.style_groups import (
    COUNTER,
    EASY,
    LEAST,
    GroupFigures,
    figures_by_style,
)
from cxr_edge.evaluation.summary import Summary
from cxr_edge.evaluation.worst_group import worst_group
from cxr_edge.metrics.roc import auc
from cxr_edge.models.model import Model
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_export.packaging.card import model_card

POINT = OperatingPoint("screening", 0.5)


def scored() -> tuple[NDArray[np.int64], NDArray[np.float64], Styles]:
    """Return 100 easy images and 30 negatives that look like positives and score like them."""
    rng = np.random.default_rng(0)
    labels = np.array([0] * 50 + [1] * 50 + [0] * 30)
    scores = np.concatenate([rng.uniform(0, 0.4, 50), rng.uniform(0.5, 1, 80)])
    cluster = np.array([0] * 50 + [1] * 80)
    return labels, scores, Styles(cluster, np.array([0, 0.625]), np.arange(130) >= 100)


def test_the_worst_group_is_what_a_split_by_patient_hides() -> None:
    """Counter-style images have figures of their own, and the worst is named."""
    labels, scores, styles = scored()
    groups = figures_by_style(labels, scores, styles, POINT)
    assert groups[EASY].negatives_auc is not None
    assert groups[EASY].negatives_auc.value == 1
    name, area = worst_group(groups) or ("", None)
    assert name in (COUNTER, "cluster 1")
    assert area == auc(labels[50:], scores[50:])
    assert groups[COUNTER].at_point.specificity is not None
    assert groups[COUNTER].at_point.specificity.value == 0


def test_a_group_of_few_images_states_no_auc() -> None:
    """An AUC of a handful of images says nothing, and is not the worst one."""
    labels, scores, styles = scored()
    kept = np.r_[0 : 100 + LEAST - 1]
    few = Styles(styles.cluster[kept], styles.shares, styles.counter[kept])
    groups = figures_by_style(labels[kept], scores[kept], few, POINT)
    assert groups[COUNTER].worst is None
    assert groups[COUNTER].at_point.fp == LEAST - 1


def test_the_figures_are_json_and_a_table() -> None:
    """Each group is a row, with a dash where a class is missing."""
    groups = figures_by_style(*scored(), POINT)
    assert json.loads(json.dumps({name: one.to_dict() for name, one in groups.items()}))
    table = groups_table(groups)
    assert [row[0] for row in table.rows] == [EASY, COUNTER, "cluster 0", "cluster 1"]
    counter = dict(zip(table.columns, table.rows[1], strict=True))
    assert counter["AUC of positives"] == counter["sensitivity"] == "-"


def test_the_figures_read_back() -> None:
    """A model card gets the figures that the evaluation wrote."""
    for one in figures_by_style(*scored(), POINT).values():
        assert GroupFigures.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_an_evaluation_has_a_section_by_appearance(model: Model, tmp_path: Path) -> None:
    """Report, JSON and model card name the worst group of the images that were evaluated."""
    labels, scores, styles = scored()
    pixels = np.broadcast_to((scores * 255)[:, None, None, None], (130, 32, 32, 1)).astype(np.uint8)
    listed = tuple(
        LabelledImage(Path(f"{number}.png"), int(label), f"patient{number}")
        for number, label in enumerate(labels)
    )
    images = ImageSet(CLASSES, listed, pixels, tuple(f"{number:064}" for number in range(130)))
    found = evaluate_images(model, images, styles=styles)
    assert found.by_style.keys() == {EASY, COUNTER, "cluster 0", "cluster 1"}
    write_evaluation(found, tmp_path)
    worst = worst_group(found.by_style)
    assert worst is not None
    headline = f"Worst group: {worst[0]}, AUC {worst[1]}."
    assert headline in (tmp_path / "report.md").read_text()
    summary = Summary.read(tmp_path / "evaluation.json")
    assert summary.by_style == found.by_style
    card = model_card(found.spec, summary)
    assert headline in card
    assert f"roc_auc of the worst group, {worst[0]}" in card.partition("\n---\n")[0]


def test_no_group_no_worst() -> None:
    """Without a stated AUC there is no headline, rather than a made-up one."""
    labels = np.array([0, 1])
    styles = Styles(np.array([0, 0]), np.array([0.5]), np.array([False, False]))
    assert worst_group(figures_by_style(labels, [0.1, 0.9], styles, POINT)) is None
    with pytest.raises(ValueError, match="a cluster below 0"):
        Styles(np.array([0]), np.array([]), np.array([False]))
