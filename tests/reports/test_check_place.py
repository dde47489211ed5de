"""Places of reports that are refused before any work is done."""

from pathlib import Path

import pytest

from cxr_edge.errors import UsageError
from cxr_edge.reports.check_place import check_place
from cxr_edge.reports.csv_report import REPORT


@pytest.mark.parametrize(("there", "asked"), [("r.csv", "r"), ("r", "r.csv")])
def test_two_reports_do_not_share_a_manifest(there: str, asked: str, tmp_path: Path) -> None:
    """``r`` and ``r.csv`` would, so the second is refused, unless the first is no report."""
    (tmp_path / there).write_text("notes\n")
    check_place(REPORT, tmp_path / asked)
    (tmp_path / there).write_bytes(REPORT.header)
    check_place(REPORT, tmp_path / there)
    with pytest.raises(UsageError, match=r"its manifest .*r\.run\.json would be replaced"):
        check_place(REPORT, tmp_path / asked)


def test_a_report_is_not_where_a_manifest_would_be(tmp_path: Path) -> None:
    """The manifest of ``r.csv`` would replace a report of that name."""
    with pytest.raises(UsageError, match="has the name of a run manifest"):
        check_place(REPORT, tmp_path / "r.run.json")


@pytest.mark.parametrize("name", ["r.zip", "R.TAR.GZ", "r.7z", "r.parquet", "r.xlsx"])
def test_a_report_has_not_the_name_of_something_else(tmp_path: Path, name: str) -> None:
    """Nobody could open it by its name; one that is there is continued."""
    with pytest.raises(UsageError, match=r"a report is a CSV file, got .*; choose a name .* \.csv"):
        check_place(REPORT, tmp_path / name)
    (tmp_path / name).write_bytes(REPORT.header)
    check_place(REPORT, tmp_path / name)
