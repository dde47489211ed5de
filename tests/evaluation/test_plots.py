"""Pictures of an evaluation, looked at by what is drawn in them."""

from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from drawn_text import cut_off
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.evaluation import plots
from cxr_edge.evaluation.figures import figures
from cxr_edge.imaging import plot_style
from cxr_edge.spec.operating_point import OperatingPoint

POINTS = (
    OperatingPoint("screening", 0.6), OperatingPoint("balanced", 0.6), OperatingPoint("study", 0.5)
)  # fmt: skip
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 200)
SCORES = np.clip(LABELS * 0.4 + RNG.uniform(0, 0.6, 200), 0, 1).round(6)
SCORED = (LABELS, SCORES)
FOUND = figures(LABELS, SCORES, POINTS)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures that were drawn, in place of files."""
    kept: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, _: kept.append(figure))
    return kept


def images(labels: list[int]) -> ImageSet:
    listed = tuple(LabelledImage(Path(f"{n}$_$.png"), label, "p") for n, label in enumerate(labels))
    pixels = np.zeros((len(labels), 8, 8, 1), np.uint8)
    return ImageSet(("NORMAL", "PNEUMONIA"), listed, pixels, ("",) * len(labels))


def test_pictures_have_150_dots_per_inch(tmp_path: Path) -> None:
    """A picture of eleven by five inches is so many pixels wide and high."""
    plots.draw_confusion(FOUND.points[0], ("NORMAL", "PNEUMONIA"), tmp_path / "a.png")
    height, width = cv2.imread(str(tmp_path / "a.png")).shape[:2]
    assert (width, height) == (9.6 * 150, 4.8 * 150)


def test_the_style_is_left_behind() -> None:
    """Programs that draw plots of their own keep their own style."""
    before = dict(mpl.rcParams)
    with plot_style.plot_style():
        assert mpl.rcParams["savefig.dpi"] == 150
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", ["roc", "precision-recall"])
def test_no_operating_point_hides_another(drawn: list[Figure], name: str) -> None:
    """Points at one place are rings of falling size, and each stands in the legend."""
    if name == "roc":
        plots.draw_roc({"model": SCORED}, FOUND, Path())
        places = [(1 - p.specificity.value, p.sensitivity.value) for p in FOUND.points
                  if p.specificity and p.sensitivity]  # fmt: skip
    else:
        plots.draw_precision_recall(SCORED, FOUND, Path())
        places = [(p.sensitivity.value, p.ppv.value) for p in FOUND.points
                  if p.sensitivity and p.ppv]  # fmt: skip
    lines = drawn[0].axes[0].lines
    marks = [line for line in lines if str(line.get_label()).startswith(
        ("screening", "balanced", "study"))]  # fmt: skip
    assert [tuple(np.ravel(line.get_data())) for line in marks] == places
    assert places[0] == places[1]
    sizes = [line.get_markersize() for line in marks]
    assert sizes == sorted(set(sizes), reverse=True)
    assert {line.get_markerfacecolor() for line in marks} == {"none"}
    assert {line.get_clip_on() for line in marks} == {False}
    shown = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert all(any(text.startswith(point.name) for text in shown) for point in POINTS)


def test_reliability_has_intervals(drawn: list[Figure]) -> None:
    """Each bin has its share of positives, inside its interval."""
    plots.draw_reliability(SCORED, FOUND.calibration_error, Path())
    (bars,) = (c for c in drawn[0].axes[0].containers if isinstance(c, ErrorbarContainer))
    (segments,) = bars.lines[2]
    shares = np.asarray(bars.lines[0].get_ydata())
    assert len(shares) == 10
    for share, ((_, low), (_, high)) in zip(shares, segments.get_segments(), strict=True):
        assert 0 <= low <= share <= high <= 1
        assert high - low > 0.1


@pytest.mark.parametrize(("missed", "alarms"), [(1, 0), (0, 3), (5, 3), (7, 2), (12, 9)])
def test_the_grid_of_errors_has_no_empty_cell(
    drawn: list[Figure], missed: int, alarms: int
) -> None:
    """There are as many cells as images; rows of one kind of error differ by one image at most."""
    labels = [1] * missed + [0] * alarms + [1, 0]
    scores = np.array([0.1] * missed + [0.9] * alarms + [0.9, 0.1])
    plots.draw_errors(images(labels), scores, 0.5, Path())
    axes = drawn[0].axes
    assert len(axes) == min(missed, 8) + min(alarms, 8)
    assert all(axis.images for axis in axes)
    parts = [part for part in drawn[0].subfigs if part.axes]
    for part in parts:
        rows = np.bincount([axis.get_subplotspec().rowspan.start for axis in part.axes])
        assert rows.max() - rows.min() <= 1
        assert rows.max() <= 4


def test_no_error_is_told(drawn: list[Figure]) -> None:
    """In place of an empty grid."""
    plots.draw_errors(images([0, 1]), np.array([0.1, 0.9]), 0.5, Path())
    assert not drawn[0].axes
    assert drawn[0].texts[0].get_text() == "No errors at threshold 0.500"


CORNERS = (
    OperatingPoint("screening", 0.0), OperatingPoint("balanced", 1.0), OperatingPoint("study", 0.5)
)  # fmt: skip
PERFECT = (np.array([0] * 20 + [1] * 20), np.array([0.1] * 20 + [0.9] * 20))


@pytest.mark.parametrize("name", ["roc", "precision-recall"])
def test_no_ring_covers_the_numbers_of_an_axis(drawn: list[Figure], name: str) -> None:
    """An operating point in a corner leaves the tick labels legible."""
    found = figures(*PERFECT, CORNERS)
    if name == "roc":
        plots.draw_roc({"model": PERFECT}, found, Path())
    else:
        plots.draw_precision_recall(PERFECT, found, Path())
    (figure,) = drawn
    assert not cut_off(figure)
    axis = figure.axes[0]
    ticks = [
        label.get_window_extent() for label in (*axis.get_xticklabels(), *axis.get_yticklabels())
    ]
    rings = [line for line in axis.lines if str(line.get_marker()) in "osD"]
    assert rings
    assert not [line for line in rings for tick in ticks if line.get_window_extent().overlaps(tick)]


def test_an_operating_point_without_a_ppv_is_told(drawn: list[Figure]) -> None:
    """The legend has every operating point, and says which of them calls no image positive."""
    plots.draw_precision_recall(PERFECT, figures(*PERFECT, CORNERS), Path())
    shown = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert "balanced (1.000): no PPV, no image is called positive" in shown
    assert all(any(text.startswith(point.name) for text in shown) for point in CORNERS)


@pytest.mark.parametrize(
    ("count", "title"),
    [(3, "1 bin of 3 images"), (20, "2 bins of 10 images"), (1, "1 bin of 1 image")],
)
def test_reliability_counts_whole_images(drawn: list[Figure], count: int, title: str) -> None:
    """The title and the axis count images as a person would."""
    scores = np.linspace(0.05, 0.95, count)
    plots.draw_reliability((np.arange(count) % 2, scores), 0.1, Path())
    axis, below = drawn[0].axes
    assert axis.get_title() == f"Reliability, {title}"
    assert all(float(tick).is_integer() for tick in below.get_yticks())


def test_the_legend_of_reliability_is_beside_the_curve(drawn: list[Figure]) -> None:
    """A curve through the upper left corner, or any other, crosses no text."""
    labels = np.array([1, 0] * 20)
    plots.draw_reliability((labels, np.where(labels, 0.01, 0.99)), 0.98, Path())
    (figure,) = drawn
    assert not cut_off(figure)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert not any(box.overlaps(axis.get_window_extent()) for axis in figure.axes)
