"""The CSV report, row by row."""

import csv
import json
import os
from pathlib import Path
from typing import IO, Any

import pytest

from cxr_edge.errors import ReportError
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.outcome import Failure, Prediction
from cxr_edge.reports.append_log import AppendLog, read_rows
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.csv_report import COLUMNS, REPORT, CsvReport, row_of, set_aside
from cxr_edge.reports.manifest import manifest_path, read_identity

SCORED = Prediction(
    path='ward/a, "b".png',
    sha256="ab" * 32,
    source=SourceFacts(1024, 768, "png", ("color", "small")),
    probability=0.25,
    threshold=0.4,
    label="NORMAL",
)
FAILED = Failure("z.jpg", "", "unreadable", "the file\ncannot be read", "")


def test_the_columns_are_the_contract() -> None:
    """Whoever reads reports by column name can rely on these."""
    assert ",".join(COLUMNS) == (
        "path,status,label,probability,threshold,flags,reason,detail,"
        "width,height,format,sha256,model"
    )


def test_a_scored_row_holds_everything() -> None:
    """Six decimals, flags joined by semicolons, no reason."""
    row = dict(zip(COLUMNS, row_of(SCORED, "m@1"), strict=True))
    assert row == {
        "path": SCORED.path, "status": "ok", "label": "NORMAL", "probability": "0.250000",
        "threshold": "0.400000", "flags": "color;small", "reason": "", "detail": "",
        "width": "1024", "height": "768", "format": "png", "sha256": "ab" * 32, "model": "m@1",
    }  # fmt: skip


def test_a_failed_row_has_no_probability() -> None:
    """Never 0: empty. The detail stays on one line."""
    row = dict(zip(COLUMNS, row_of(FAILED, "m@1"), strict=True))
    assert (row["status"], row["probability"], row["label"]) == ("failed", "", "")
    assert row["detail"] == "the file cannot be read"


def test_a_reason_outside_the_closed_list_cannot_be_made() -> None:
    """Nobody can invent a reason in passing."""
    with pytest.raises(ValueError, match="expected one of"):
        Failure("a", "", "whatever", "")


def write(path: Path) -> Counts:
    report = CsvReport.open(path, "m@1")
    report.write([SCORED, FAILED])
    report.close()
    return report.counts


def test_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    """The manifest's figures and the report's rows agree."""
    counts = write(tmp_path / "r.csv")
    assert (counts.rows, counts.ok, counts.failed, counts.flagged) == (2, 1, 1, 1)
    assert counts.labels == {"NORMAL": 1}
    assert counts.flags == {"color": 1, "small": 1}
    assert counts.reasons == {"unreadable": 1}
    assert counts.first_failed == ["z.jpg"]


def test_any_csv_reader_reads_it(tmp_path: Path) -> None:
    """Names with commas and quotes come back whole."""
    write(tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [SCORED.path, FAILED.path]


def test_every_prefix_of_a_report_is_readable(tmp_path: Path) -> None:
    """Cut anywhere, also within a quoted name, the whole rows before the cut are found."""
    path = tmp_path / "r.csv"
    write(path)
    data = path.read_bytes()
    whole = list(read_rows(REPORT, path))
    assert whole[-1][1] == len(data)
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        assert list(read_rows(REPORT, path)) == [pair for pair in whole if pair[1] <= cut]


@pytest.mark.parametrize("content", [b"a,b,c\n", b"\xff\xfe\n", b'"a"b,\n'])
def test_a_foreign_file_is_not_taken_for_a_report(tmp_path: Path, content: bytes) -> None:
    """Somebody's own CSV is never appended to."""
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(ReportError, match="no report of cxr scan"):
        list(read_rows(REPORT, path))


@pytest.mark.parametrize("content", [None, "{", "[]", json.dumps({"manifest_version": 2})])
def test_a_report_without_manifest_is_not_continued(tmp_path: Path, content: str | None) -> None:
    """What it was made with is unknown, and the message says so."""
    report = tmp_path / "r.csv"
    report.touch()
    if content is not None:
        manifest_path(report).write_text(content)
    with pytest.raises(ReportError, match=r"r\.run\.json.*--fresh"):
        read_identity(report)


def test_a_report_of_an_earlier_version_is_not_continued(tmp_path: Path) -> None:
    """The message names both versions, whatever else that manifest says."""
    report = tmp_path / "r.csv"
    manifest_path(report).write_text(json.dumps({"manifest_version": 1, "identity": {"old": 1}}))
    with pytest.raises(ReportError, match=r"manifest_version 2, got 1; finish it with .* --fresh"):
        read_identity(report)


def test_set_aside_never_overwrites(tmp_path: Path) -> None:
    """Each old report keeps a name of its own."""
    report = tmp_path / "r.csv"
    for content in ("one", "two"):
        report.write_text(content)
        manifest_path(report).write_text(content)
        set_aside(report)
    assert (tmp_path / "r.old-1.csv").read_text() == "one"
    assert (tmp_path / "r.old-2.csv").read_text() == "two"
    assert (tmp_path / "r.old-2.run.json").read_text() == "two"


def test_an_old_manifest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in between, what is left is not begun anew without its rows."""
    report = tmp_path / "r.csv"
    report.write_text("rows")
    manifest_path(report).write_text("manifest")
    rename = Path.rename

    def once(old: Path, new: Path) -> Path:
        monkeypatch.setattr(Path, "rename", killed)
        return rename(old, new)

    def killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(Path, "rename", once)
    with pytest.raises(SystemExit):
        set_aside(report)
    monkeypatch.setattr(Path, "rename", rename)
    set_aside(report)
    assert (tmp_path / "r.old-1.csv").read_text() == "rows"
    assert (tmp_path / "r.old-1.run.json").read_text() == "manifest"


def test_each_report_has_a_manifest_of_its_own() -> None:
    """Also those that differ in their suffix alone."""
    names = [manifest_path(Path("a") / name).name for name in ("r.csv", "r.txt", "r.old-1.csv")]
    assert names == ["r.run.json", "r.txt.run.json", "r.old-1.run.json"]


def test_a_report_that_cannot_be_written_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether that is seen when it is opened or when it is closed."""
    opened: list[IO[str]] = []
    real = Path.open

    def keep(path: Path, *how: Any, **kinds: Any) -> IO[str]:
        opened.append(real(path, *how, **kinds))
        return opened[-1]

    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", keep)
    with pytest.raises(ReportError, match="/dev/null cannot be written"):
        AppendLog.open(REPORT, Path("/dev/null"))  # it cannot be truncated
    log = AppendLog.open(REPORT, tmp_path / "r.csv")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ReportError, match="No space left"):
        log.close()
    assert [file.closed for file in opened] == [True, True]
