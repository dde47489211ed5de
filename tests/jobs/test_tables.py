"""Tables of reports, as ``cxr scan --format`` and ``cxr report`` write them."""

import dataclasses
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest
from image_folders import write_ward
from pages import failed, row, write_report
from runs import FakeSink, rows, session_of

from cxr_edge.cli.scan import table_sinks
from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.tables import TABLES, is_table, table_path, write_table
from cxr_edge.models.model import Model
from cxr_edge.reports import parquet
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.typed_rows import FIELDS


@pytest.fixture
def job(tmp_path: Path, phantoms: ModuleType, model: Model) -> ScanJob:
    """A scan of eight images and three files that fail, with both tables."""
    images = write_ward(tmp_path / "films", phantoms)
    out = tmp_path / "report.csv"
    tables = [table_path(out, suffix) for suffix in TABLES]
    return ScanJob([images], out, session_of(model, workers=1), tables=tables)


def scan(job: ScanJob, *others: FakeSink) -> dict[str, bytes]:
    """Scan, and return the bytes of the tables by suffix."""
    run_scan(job, [*table_sinks(job), *others])
    return {table.suffix: table.read_bytes() for table in job.tables if table.exists()}


def read(table: Path) -> list[dict[str, Any]]:
    if table.suffix == ".parquet":
        return list(pq.read_table(table).to_pylist())
    return [json.loads(line) for line in table.read_text("utf-8").splitlines()]


def change_manifest(report: Path, **fields: object) -> None:
    path = manifest_path(report)
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("folder", [b"s3:", b"no\xffutf-8"])
@pytest.mark.parametrize("suffix", TABLES)
def test_a_table_is_written_where_the_report_is(job: ScanJob, suffix: str, folder: bytes) -> None:
    """Whatever the folder is called: no library takes it for something else than a folder."""
    place = job.out.with_name(os.fsdecode(folder))
    place.mkdir()
    run_scan(dataclasses.replace(job, out=place / "report.csv"))
    table = table_path(place / "report.csv", suffix)
    assert write_table(place / "report.csv", table).rows == 11
    assert is_table(table)


@pytest.mark.parametrize("suffix", TABLES)
def test_a_table_has_the_rows_of_the_report_as_typed_values(job: ScanJob, suffix: str) -> None:
    """Numbers are numbers, what is empty is null, flags are a list; and the run's facts."""
    scan(job)
    found = read(table_path(job.out, suffix))
    assert [tuple(one) for one in found] == [FIELDS] * 11
    for typed, text in zip(found, rows(job.out), strict=True):
        if text["status"] == "ok":
            assert f"{typed['probability']:.6f}" == text["probability"]
            assert f"{typed['threshold']:.6f}" == text["threshold"]
            assert (typed["width"], typed["height"]) == (64, 64)
            assert typed["reason"] is typed["detail"] is None
        else:
            nothing = ("label", "probability", "threshold", "width", "height")
            assert [typed[name] for name in nothing] == [None] * 5
        assert typed["flags"] == text["flags"].split(";") * bool(text["flags"])
        assert {name: typed[name] or "" for name in ("path", "sha256", "format", "model")} == {
            name: text[name] for name in ("path", "sha256", "format", "model")
        }
        facts = (typed["positive"], typed["operating_point"], typed["model_sha256"])
        assert facts == ("PNEUMONIA", "screening", "ab" * 32)


def test_after_any_interruption_it_is_that_of_an_undisturbed_run(job: ScanJob) -> None:
    """Byte for byte; meanwhile it is not there, nor is that of an older report."""
    whole = scan(job)
    assert whole.keys() == set(TABLES)
    for rows_before in (0, 3, 10):

        def interrupt(*_: object, left: list[int] = [rows_before]) -> None:  # noqa: B006
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            scan(dataclasses.replace(job, fresh=True), FakeSink(write=interrupt))
        assert not any(table.exists() for table in job.tables)
        assert scan(job) == whole
    job.tables[0].unlink()
    assert scan(job) == whole


def test_a_report_that_is_there_is_converted_alike(job: ScanJob) -> None:
    """The table of ``cxr report`` is that of the scan; a large one goes group by group."""
    whole = scan(job)
    for suffix, data in whole.items():
        table = job.out.with_name(f"other{suffix}")
        assert write_table(job.out, table).rows == 11
        assert table.read_bytes() == data
        assert is_table(table)


def test_rows_go_through_memory_in_groups(job: ScanJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group holds as many as it may, and together they are all."""
    scan(job)
    table = table_path(job.out, ".parquet")
    before = read(table)
    monkeypatch.setattr(parquet, "_ROWS", 4)
    write_table(job.out, table)
    assert pq.read_metadata(table).num_row_groups == 3
    assert read(table) == before


def test_the_settings_are_in_the_file(job: ScanJob) -> None:
    """Parquet has a place for them, and for the notice."""
    scan(job)
    metadata = pq.read_schema(table_path(job.out, ".parquet")).metadata
    settings = json.loads(metadata[b"cxr_edge"])
    assert settings["model_sha256"] == "ab" * 32
    assert settings["notice"].startswith("Research use only")


def test_what_cannot_be_trusted_is_refused(job: ScanJob, tmp_path: Path) -> None:
    """Nothing but a manifest says what the rows are, and an edited row says anything."""
    scan(job)
    table = tmp_path / "table.jsonl"
    good = manifest_path(job.out).read_text()
    identity = json.loads(good)["identity"]
    for fields, message in (
        ({"manifest_version": 99}, "by a newer version of cxr-edge"),
        ({"identity": {}}, "its identity is not that of a scan"),
        ({"operating_point": 5}, "its identity is not that of a scan"),
        (
            {"identity": {**identity, "model_sha256": "a" * 65}},
            "its identity is not that of a scan",
        ),
        ({"operating_point": "\ud800"}, "its identity is not that of a scan"),
    ):
        change_manifest(job.out, **fields)
        with pytest.raises(ReportError, match=message):
            write_table(job.out, table)
        manifest_path(job.out).write_text(good)
    lines = job.out.read_text().splitlines(keepends=True)
    job.out.write_text("".join([*lines[:4], lines[4].replace("ok", "Ok"), *lines[5:]]))
    with pytest.raises(ReportError, match="was edited: row 4"):
        write_table(job.out, table)
    manifest_path(job.out).unlink()
    with pytest.raises(ReportError, match=r"report.run.json is missing.*cannot be converted"):
        write_table(job.out, table)
    with pytest.raises(UsageError, match="is a folder"):
        write_table(tmp_path, table)
    assert not table.exists()


@pytest.mark.parametrize(
    ("column", "text"),
    [("probability", "1.5"), ("probability", "nan"), ("threshold", ""), ("width", "0"),
     ("height", "9" * 30), ("width", "1.5"), ("status", "Ok")],
)  # fmt: skip
def test_a_row_that_no_scan_wrote_is_refused(job: ScanJob, column: str, text: str) -> None:
    """A report whose manifest has no digest of rows is as its columns must be, or refused."""
    scan(job)
    one = dict(zip(FIELDS, row("a.png", 0.9), strict=False))
    write_report(job.out, [failed("b.png"), list((one | {column: text}).values())])
    manifest = json.loads(manifest_path(job.out).read_text())
    del manifest["digest"]  # as earlier versions wrote it
    manifest_path(job.out).write_text(json.dumps(manifest))
    with pytest.raises(ReportError, match=rf"row 2 \(a.png\) is not as cxr scan.*{column}"):
        write_table(job.out, job.tables[0])


def test_a_report_without_rows_makes_an_empty_table(job: ScanJob, tmp_path: Path) -> None:
    """It is recognized, so that the next scan replaces it."""
    (tmp_path / "none").mkdir()
    scan(dataclasses.replace(job, paths=[tmp_path / "none"]))
    for table in job.tables:
        assert read(table) == []
        assert is_table(table)
