"""What is written of the clusters by appearance."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_text import cut_off
from fakes import CLASSES
from matplotlib.figure import Figure

from cxr_edge.datasets import style_table
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.style_file import read_styles, write_styles
from cxr_edge.datasets.style_table import cluster_facts, draw_styles
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError


@pytest.fixture
def images() -> ImageSet:
    """Twelve drawn images, six of each class."""
    listed = tuple(
        LabelledImage(Path(f"{number}, a.png"), number % 2, f"patient{number}")
        for number in range(12)
    )
    pixels = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 1), np.uint8)
    return ImageSet(CLASSES, listed, pixels, tuple(f"{number:064}" for number in range(12)))


@pytest.fixture
def styles() -> Styles:
    """Two clusters, the second with one counter-style image."""
    cluster = np.array([0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1])
    return Styles(cluster, np.array([2 / 7, 4 / 5]), np.arange(12) == 6)


def test_the_table_reads_back(tmp_path: Path, images: ImageSet, styles: Styles) -> None:
    """Clusters are matched by the bytes of the files, in any order, also for a part of the set."""
    path = tmp_path / "styles.csv"
    write_styles(path, images, styles)
    part = images.take([6, 11, 0])
    found = read_styles(path, part)
    assert found.cluster.tolist() == [1, 1, 0]
    assert found.counter.tolist() == [True, False, False]
    assert found.shares.tolist() == [0, 0.5]


def test_images_that_were_not_clustered_are_told(
    tmp_path: Path, images: ImageSet, styles: Styles
) -> None:
    """An image without a cluster is an error with the command that mends it."""
    path = tmp_path / "styles.csv"
    part = images.take(range(3))
    write_styles(path, part, Styles(styles.cluster[:3], styles.shares, styles.counter[:3]))
    with pytest.raises(DataError, match="12 images, 9 are not in it; run 'cxr audit DATA --styles"):
        read_styles(path, images)


HEADER = "path,label,patient,sha256,cluster,counter_style\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has no column sha256, label, cluster, counter_style"),
        ("path,label,cluster\na,clear,1\n", "it has no column sha256, counter_style"),
        (f"{HEADER}a,b\n", "line 2: expected 6 fields, got 2"),
        (f"{HEADER}a,clear,p,0,nan,no\n", "line 2: expected a cluster from 0 to 9999"),
        (f"{HEADER}a,clear,p,0,-1,no\n", "got '-1' and 'no'"),
        (f"{HEADER}a,clear,p,0,{9**30},no\n", "line 2: expected a cluster from 0 to 9999"),
        (f"{HEADER}a,clear,p,0,1,true\n", "got '1' and 'true'"),
        (f"{HEADER}a,clear,p,0,1,no\nb,clear,p,0,2,no\n", "line 3: expected one cluster"),
        (f'{HEADER}"a', "unexpected end of data"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, images: ImageSet, text: str, reason: str) -> None:
    """A file that is no such table is an error that says where, not an empty set of clusters."""
    path = tmp_path / "styles.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="it cannot be read") as error:
        read_styles(path, images)
    assert reason in str(error.value)


def test_marks_of_other_labels_are_refused(
    tmp_path: Path, images: ImageSet, styles: Styles
) -> None:
    """An image is counter-style for its label, so the marks of another label are not taken."""
    path = tmp_path / "styles.csv"
    write_styles(path, images, styles)
    first, *others = images.images
    changed = dataclasses.replace(
        images, images=(dataclasses.replace(first, label=1 - first.label), *others)
    )
    with pytest.raises(DataError, match="0 are not in it, and 1 have another label in it"):
        read_styles(path, changed)


def test_a_spreadsheet_may_have_saved_it(tmp_path: Path, images: ImageSet, styles: Styles) -> None:
    """A byte order mark and Windows' line ends change nothing, neither does a row that is twice."""
    path = tmp_path / "styles.csv"
    write_styles(path, images, styles)
    text = path.read_text()
    text += text.splitlines(keepends=True)[-1]
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_styles(path, images).cluster.tolist() == styles.cluster.tolist()


def test_counts_of_a_cluster(images: ImageSet, styles: Styles) -> None:
    """Images of each class and counter-style ones, and the share of positives that follows."""
    first, second = cluster_facts(styles, images.labels)
    assert (first.negatives, first.positives, first.counter) == (5, 2, 0)
    assert (second.negatives, second.positives, second.counter) == (1, 4, 1)
    assert second.share == 0.8


@pytest.mark.slow
def test_the_picture_has_a_row_per_cluster(
    tmp_path: Path, images: ImageSet, styles: Styles
) -> None:
    """The sheet is a picture that grows by a row with each cluster."""
    heights = []
    for count in (1, 2):
        path = tmp_path / f"{count}.png"
        some = Styles(styles.cluster % count, styles.shares[:count], styles.counter)
        draw_styles(path, images, some)
        drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert drawn is not None
        heights.append(len(drawn))
    assert heights[1] - heights[0] == 120


@pytest.mark.parametrize("classes", [CLASSES, ("NORMAL OR NEARLY SO", "SIGNS OF A PNEUMONIA")])
@pytest.mark.parametrize("clusters", [1, 2, 7])
def test_no_text_of_the_picture_is_cut_off(
    images: ImageSet, monkeypatch: pytest.MonkeyPatch, classes: tuple[str, str], clusters: int
) -> None:
    """Title and captions are inside the picture, for few clusters, many, and long class names."""
    kept: list[Figure] = []
    monkeypatch.setattr(style_table, "save", lambda figure, _: kept.append(figure))
    named = dataclasses.replace(images, classes=classes)
    cluster = np.arange(12) % clusters
    styles = Styles(cluster, np.full(clusters, 0.5), np.arange(12) == 6)
    draw_styles(Path(), named, styles)
    assert not cut_off(kept[0])
