"""The CSV report, row by row."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.outcome import Failure, Outcome, Prediction
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.csv_report import (
    COLUMNS,
    REPORT,
    CsvSink,
    prediction_of,
    row_of,
    set_aside,
)
from cxr_edge.reports.manifest import Manifest, manifest_path
from cxr_edge.reports.sink import RunResult, Sink

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


@pytest.mark.parametrize("number", ["nan", "inf", "-0.1", "1.5", ""])
@pytest.mark.parametrize("column", ["probability", "threshold"])
def test_a_row_with_a_number_that_is_no_share_is_not_one_of_a_scan(
    column: str, number: str
) -> None:
    """Whoever reads rows back gets a prediction that can be, or none."""
    row = dict(zip(COLUMNS, row_of(SCORED, "m@1"), strict=True))
    assert prediction_of(row, SCORED.path) == SCORED
    assert prediction_of(row | {column: number}, SCORED.path) is None


def test_a_reason_outside_the_closed_list_cannot_be_made() -> None:
    """Nobody can invent a reason in passing."""
    with pytest.raises(ValueError, match="expected one of"):
        Failure("a", "", "whatever", "")


def write(path: Path) -> ScanCounts:
    counts = ScanCounts()
    sink: Sink[Outcome] = CsvSink(REPORT, path, lambda outcome: row_of(outcome, "m@1"), counts)
    manifest = Manifest(identity=None, counts=counts, skipped=Counter())
    sink.begin(manifest)
    sink.write([SCORED, FAILED])
    sink.close(RunResult(manifest))
    return counts


@pytest.mark.parametrize(
    ("probabilities", "is_constant"),
    [
        (["0.500000"] * 20, True),
        (["0.000000"] * 20, True),
        (["0.500000"] * 19, False),
        (["0.500000"] * 19 + ["0.500001"], False),
        (["0.500000", "0.400000", *["0.500000"] * 19], False),
    ],
)
def test_one_probability_for_all_is_seen(probabilities: list[str], is_constant: bool) -> None:
    """Twenty images that are scored alike are no chance; files that failed do not count."""
    counts = ScanCounts()
    failed = dict(zip(COLUMNS, row_of(FAILED, "m@1"), strict=True))
    scored = dict(zip(COLUMNS, row_of(SCORED, "m@1"), strict=True))
    for probability in probabilities:
        counts.add(failed)
        counts.add(scored | {"probability": probability})
    assert counts.is_constant is is_constant


def test_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    """The manifest's figures and the report's rows agree."""
    counts = write(tmp_path / "r.csv")
    assert (counts.rows, counts.ok, counts.failed, counts.flagged) == (2, 1, 1, 1)
    assert counts.labels == {"NORMAL": 1}
    assert counts.flags == {"color": 1, "small": 1}
    assert counts.reasons == {"unreadable": 1}
    assert counts.first_failed == ["z.jpg"]


@pytest.mark.parametrize(("alike", "told"), [(5, False), (6, True)])
def test_what_many_files_failed_of_is_known(alike: int, told: bool) -> None:
    """The detail that more files have than the summary names; the manifest has no such field."""
    counts = ScanCounts()
    failed = dict(zip(COLUMNS, row_of(FAILED, "m@1"), strict=True))
    others = [failed | {"reason": "timeout", "detail": f"after {second} s"} for second in range(9)]
    for row in (*others, *[failed] * alike):
        counts.add(row)
    assert counts.causes == ({failed["reason"]: failed["detail"]} if told else {})
    assert failed["detail"] not in json.dumps(counts.to_dict())


def test_any_csv_reader_reads_it(tmp_path: Path) -> None:
    """Names with commas and quotes come back whole."""
    write(tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [SCORED.path, FAILED.path]


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
    """Stopped in between, what is left is not started anew without its rows."""
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
