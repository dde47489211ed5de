"""The folder of heat maps: choice, places."""

from pathlib import Path

import pytest

from cxr_edge.errors import UsageError
from cxr_edge.reports.check_place import check_folder
from cxr_edge.reports.heat_maps import Wanted

ROWS = [
    {"path": path, "status": "ok", "label": label, "probability": probability, "threshold": "0.5"}
    for path, label, probability in (
        ("a", "PNEUMONIA", "0.7"),
        ("c", "NORMAL", "0.2"),
        ("d", "PNEUMONIA", "0.9"),
        ("e", "review", "0.7"),
        ("f", "review", "0.1"),
    )
]
ROWS.insert(1, {"path": "b", "status": "failed", "label": "", "probability": "", "threshold": ""})


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("positives", "ade"),
        ("review", "adef"),
        ("all", "acdef"),
        ("top:1", "d"),
        ("top:2", "da"),
        ("top:4", "daec"),
        ("top:99", "daecf"),
    ],
)
def test_the_images_that_get_one(text: str, paths: str) -> None:
    """Those over the threshold do, also if their label is withheld, and all of that label if asked.

    Failed files never do; of images with one probability the first in the report do.
    """
    chosen = Wanted.parse(text).of(ROWS)
    assert "".join(row["path"] for row in chosen) == paths


@pytest.mark.parametrize("text", ["", "some", "top", "top:", "top:0", "top:-1", "top:1.5", "top:²"])
def test_anything_else_is_refused(text: str) -> None:
    """The message names what there is."""
    with pytest.raises(UsageError, match="expected positives, review, top:N with N of 1 or more"):
        Wanted.parse(text)


def test_a_place_that_cannot_work_is_refused(tmp_path: Path) -> None:
    """Before a model is loaded, and nothing is made there."""
    images, report = tmp_path / "films", tmp_path / "report.csv"
    images.mkdir()
    report.touch()
    check_folder("--heatmaps", tmp_path / "maps" / "deep", [images], report, "pictures")
    assert not (tmp_path / "maps").exists()
    with pytest.raises(UsageError, match="its pictures would be scanned"):
        check_folder("--heatmaps", images / "maps", [images], report, "pictures")
    with pytest.raises(UsageError, match="is inside"):
        check_folder("--heatmaps", tmp_path, [images], report, "pictures")
    with pytest.raises(UsageError, match=r"expected a folder, but .*report\.csv is a file"):
        check_folder("--heatmaps", report / "maps", [images], report, "pictures")
