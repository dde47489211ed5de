"""The rows of all reports of a watch: no file gets a second one."""

from pathlib import Path

import pytest

from cxr_edge.errors import ReportError
from cxr_edge.jobs.day_report import DAY_REPORT, day_reports
from cxr_edge.jobs.known_rows import KnownRow, KnownRows

ROW = dict.fromkeys(DAY_REPORT.columns, "")


def test_a_row_is_known_by_path_and_digest() -> None:
    """The same path with other bytes has none, and neither have the same bytes elsewhere."""
    known = KnownRows()
    known.add({**ROW, "path": "a.png", "sha256": "1", "status": "ok"}, "2026-01-01")
    known.add({**ROW, "path": "b.png", "sha256": "2", "status": "failed"}, "2026-01-02")
    assert known.get("a.png", "1") == KnownRow("2026-01-01", ok=True)
    assert known.get("b.png", "2") == KnownRow("2026-01-02", ok=False)
    assert known.get("a.png", "2") is None
    assert known.get("c.png", "1") is None
    assert known.has_path("a.png")
    assert not known.has_path("c.png")


def test_rows_of_a_report_are_read(tmp_path: Path) -> None:
    """All whole ones; another file is an error."""
    report = tmp_path / "2026-01-01.csv"
    row = ",".join({**ROW, "path": "a.png", "sha256": "1", "status": "ok"}.values())
    report.write_bytes(DAY_REPORT.header + f"{row}\nb.png,ok".encode())
    known = KnownRows()
    known.read(DAY_REPORT, report, "2026-01-01")
    assert known.has_path("a.png")
    assert not known.has_path("b.png")
    report.write_text("a,b\n1,2\n")
    with pytest.raises(ReportError, match="is not a report of cxr watch"):
        known.read(DAY_REPORT, report, "2026-01-01")


def test_reports_are_found_by_their_names(tmp_path: Path) -> None:
    """In the order of the days, and nothing else."""
    for name in ("2026-02-01.csv", "2026-01-31.csv", "2026-01-31.old-1.csv", "abcd-ef-gh.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in day_reports(tmp_path)] == ["2026-01-31.csv", "2026-02-01.csv"]
