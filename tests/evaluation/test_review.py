"""The review band of a model."""

from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import SpecInvalid
from cxr_edge.evaluation.review import review_band, review_text
from cxr_edge.spec.review_band import BandGroup, ReviewBand, is_for_review


def scored(count: int = 600) -> tuple[ImageSet, np.ndarray, Styles]:
    """Return images with probabilities; one in six looks and scores like the other class."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    counter = np.arange(count) % 6 < 1 + (np.arange(count) % 12 < 6)
    logits = rng.normal((2 * labels - 1) * np.where(counter, 0.3, 3), 1)
    listed = tuple(
        LabelledImage(Path(f"{number}.png"), int(label), f"patient{number}")
        for number, label in enumerate(labels)
    )
    images = ImageSet(
        CLASSES, listed, np.zeros((count, 2, 2, 1), np.uint8), tuple(map(str, range(count)))
    )
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    cluster = (labels ^ counter).astype(np.int64)
    return images, scores, Styles(cluster, np.array([0.1, 0.9]), counter)


def test_the_band_keeps_its_coverage_where_images_look_like_the_other_class() -> None:
    """Measured on patients left out, each class and look keeps about nine tenths."""
    images, scores, styles = scored()
    band = review_band(images, scores, styles, 0.5)
    assert band is not None
    assert {group.name for group in band.groups} == {
        f"{name}, {look}" for name in CLASSES for look in ("easy", "counter-style")
    }
    assert sum(group.images for group in band.groups) == len(images.images)
    for group in band.groups:
        assert group.coverage is not None
        assert group.coverage >= 0.85, group
    assert band.low < 0.5 < band.high
    counter = [group for group in band.groups if "counter" in group.name]
    assert all(group.review > group.images / 3 for group in counter)
    (text,) = [part for part in review_text(band) if "| " in part]
    assert text.count("\n") == 5


def test_too_few_images_have_no_band() -> None:
    """Nothing is promised that could not be measured."""
    images, scores, styles = scored(24)
    assert review_band(images, scores, styles, 0.5) is None
    assert review_text(None) == []


def test_a_band_is_asked_by_the_side_of_the_threshold() -> None:
    """Limits on the far sides of the threshold hold no image back."""
    assert [is_for_review(p, 0.5, (0.2, 0.8)) for p in (0.19, 0.2, 0.49, 0.5, 0.8, 0.81)] == [
        False, True, True, True, True, False,
    ]  # fmt: skip
    assert not any(is_for_review(p, 0.5, (0.6, 0.4)) for p in (0.1, 0.45, 0.5, 0.55, 0.9))


def test_a_band_is_read_back_and_checked() -> None:
    """JSON gives the same band; values that mean nothing are refused."""
    band = ReviewBand(0.9, 0.1, 0.95, (BandGroup("NORMAL, easy", 20, 1, 4),))
    assert ReviewBand.from_dict(band.to_dict()) == band
    for change in ({"low": -0.1}, {"coverage": 2}, {"groups": [{"name": "a"}]}, {"other": 1}):
        with pytest.raises(SpecInvalid):
            ReviewBand.from_dict({**band.to_dict(), **change})
    with pytest.raises(SpecInvalid, match="review band"):
        BandGroup("NORMAL", 3, 2, 2)
