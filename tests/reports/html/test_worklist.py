"""The rows of a page: their order, their groups and their counts."""

from pathlib import Path

import pytest
from pages import failed, row, write_report

from cxr_edge.errors import ReportError
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.html import worklist
from cxr_edge.reports.html.worklist import Group, Worklist

ROWS = [
    row("a/normal.png", 0.1),
    failed("a/empty.jpg"),
    row("a/flagged.png", 0.05, flags="color;small"),
    row("b/high.png", 0.9),
    row("b/doubtful.png", 0.6, "review"),
    row("b/higher.png", 0.97, flags="color"),
    row("b/threshold.png", 0.5),
    row("c/near.png", 0.49),
]


def test_the_most_urgent_rows_come_first(tmp_path: Path) -> None:
    """Positive, review, flagged, the others, failed; and by falling probability within these."""
    found = Worklist.read(REPORT, write_report(tmp_path / "r.csv", ROWS))
    assert [one.path for one in found.rows] == [
        "b/higher.png", "b/high.png", "b/threshold.png", "b/doubtful.png", "a/flagged.png",
        "c/near.png", "a/normal.png", "a/empty.jpg",
    ]  # fmt: skip
    assert found.groups == {
        Group.POSITIVE: 3, Group.REVIEW: 1, Group.FLAGGED: 1, Group.OTHER: 2, Group.FAILED: 1
    }  # fmt: skip
    assert found.labels == {Group.POSITIVE: "PNEUMONIA", Group.OTHER: "NORMAL"}
    assert found.threshold == "0.500000"


def test_every_scored_image_is_in_the_histogram(tmp_path: Path) -> None:
    """At the threshold it is over it, and a probability of 1 is in the last bin."""
    rows = [*ROWS, row("one.png", 1)]
    found = Worklist.read(REPORT, write_report(tmp_path / "r.csv", rows))
    assert sum(found.below) == 3
    assert sum(found.above) == 5
    assert found.above[-1] == 1
    assert found.above[25] == 1


def test_what_a_page_has_no_room_for_matters_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of failed files stay before those of low probability, and all are counted."""
    monkeypatch.setattr(worklist, "MOST_ROWS", 6)
    found = Worklist.read(REPORT, write_report(tmp_path / "r.csv", ROWS))
    assert {one.path for one in found.rows} == {
        "b/higher.png", "b/high.png", "b/threshold.png", "b/doubtful.png", "a/empty.jpg",
        "a/flagged.png",
    }  # fmt: skip
    assert found.rows[-1].path == "a/empty.jpg"
    assert (found.left_out, found.counts.rows) == (2, 8)


@pytest.mark.parametrize(
    ("column", "value"), [(1, "maybe"), (3, ""), (3, "nan"), (3, "1.5"), (4, "-1"), (4, "x")]
)
def test_a_row_that_no_scan_wrote_is_told(tmp_path: Path, column: int, value: str) -> None:
    """Its number and its path are in the message."""
    edited = row("b/x.png", 0.3)
    edited[column] = value
    report = write_report(tmp_path / "r.csv", [*ROWS, edited])
    with pytest.raises(ReportError, match=r"row 9 \(b/x\.png\) is not as cxr scan wrote it"):
        Worklist.read(REPORT, report)
