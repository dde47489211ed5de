"""A scan of files whose names are attacks: the report stays a table, and can be continued."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fakes import SAMPLES
from pyarrow import parquet
from runs import session_of

from cxr_edge.errors import ExitCode
from cxr_edge.jobs.merge import MergeJob, merge
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.jobs.shard_run import run_shards
from cxr_edge.jobs.tables import TABLES, table_path, write_table
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.reports.csv_report import COLUMNS
from cxr_edge.reports.shard_rows import ShardFormat
from cxr_edge.storage.local_output import LocalOutput
from cxr_edge.system.printable import printable

pytestmark = pytest.mark.xdist_group("hostile_names")

NAMES = (
    b'=HYPERLINK("http:%%x","y").png', b"=1+1.png", b"+1-1.png", b"-2+3.png", b"@SUM(A1).png",
    b"\t=1+1.png", b"\r=1+1.png", b"x;=1+1;y.png", b"';=1+1.png", b"\xef\xbc\x9d1+1.png",
    b"a,b.png", b'a"b.png', b'"quoted".png', b"'a.png", b"a\nb.png", b"a\r\nb\n.png", b"\n.png",
    b"\xff\xfe.png", b"\xed\xb3\xbf.png", b"a\\x0d.png", b"a\\\\.png", b"a\\udcff.png",
    b"a\xe2\x80\xaegnp.exe.png", b"a\xe2\x80\x8bb.png", b"\xef\xbb\xbfa.png",
    b"n" * 251 + b".png", b"\x1b[31mred.png", b" .png", b"#.png", b"NA", b"null", b"0012", b"1e5",
    "Überlauf \u80f8\u90e8 \u0635\u062f\u0631.png".encode(),
    "\u00e9.png".encode(), "e\u0301.png".encode(),
)  # fmt: skip
"""File names, as bytes, each of which some reader, spreadsheet or terminal stumbles over."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A readable image and an unreadable one by turns; text is taken by its suffix alone."""
    folder = tmp_path_factory.mktemp("names") / "images"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        text = number % 2 and b"." in name
        source = SAMPLES / ("text.png" if text else "phantom-opacities-8bit.png")
        shutil.copy(source, os.fsencode(folder) + b"/" + name)
    return folder


@pytest.fixture
def job(images: Path, tmp_path: Path, model: Model) -> ScanJob:
    return ScanJob([images], tmp_path / "report.csv", session_of(model, batching=Batching(4)))


@pytest.fixture
def report(job: ScanJob) -> Path:
    run_scan(job)
    return job.out


PATHS = [printable(os.fsdecode(name)) for name in sorted(NAMES)]


def test_python_reads_every_row(report: Path) -> None:
    """The report has a header and one line per file; names are sorted by their bytes."""
    assert len(report.read_bytes().splitlines()) == len(NAMES) + 1
    with report.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [row["path"] for row in rows] == PATHS
    assert all(tuple(row) == COLUMNS for row in rows)


@pytest.mark.parametrize("kind", ShardFormat)
def test_shards_make_the_same_report(report: Path, job: ScanJob, kind: ShardFormat) -> None:
    """Shards are named by the bytes of these names, and are found again."""
    folder = LocalOutput(report.parent / "shards")
    shards = ShardJob(job.paths, folder, job.session, 7, kind)
    run_shards(shards)
    assert run_shards(shards).continued_from == len(NAMES)
    merge(MergeJob([folder.place], report.parent / "merged.csv"))
    assert (report.parent / "merged.csv").read_bytes() == report.read_bytes()


def test_cut_anywhere_it_can_be_continued(job: ScanJob) -> None:
    """Rows are found again in the folder whatever the file is called."""
    assert run_scan(job).exit_code == ExitCode.SOME_FAILED
    whole = job.out.read_bytes()
    for cut in range(0, len(whole), 211):
        job.out.write_bytes(whole[:cut])
        run_scan(job)
        assert job.out.read_bytes() == whole


def test_a_folder_that_cannot_be_listed_is_no_success(
    job: ScanJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The exit code says that images may be missing, and the manifest which folder it was."""
    (tmp_path / "in" / "ward").mkdir(parents=True)
    shutil.copy(SAMPLES / "phantom-normal.jpg", tmp_path / "in" / "a.jpg")
    job = dataclasses.replace(job, paths=[tmp_path / "in"])
    assert run_scan(job).exit_code == ExitCode.DONE
    real = os.scandir

    def refuse(where: bytes) -> object:
        if where.endswith(b"/ward/"):
            raise PermissionError
        return real(where)

    monkeypatch.setattr("os.scandir", refuse)
    manifest = run_scan(job)
    assert manifest.exit_code == ExitCode.SOME_FAILED
    assert (manifest.skipped, manifest.first_lost) == ({"unlisted": 1}, ["ward/"])


@pytest.mark.parametrize("suffix", TABLES)
def test_tables_have_every_row(report: Path, suffix: str) -> None:
    """JSON Lines and Parquet name the files as the report does, one row for each."""
    table = table_path(report, suffix)
    assert write_table(report, table).rows == len(NAMES)
    if suffix == ".jsonl":
        found = [json.loads(line) for line in table.read_bytes().splitlines()]
    else:
        found = parquet.read_table(table).to_pylist()
    assert [row["path"] for row in found] == PATHS


def test_pandas_reads_every_row(report: Path) -> None:
    """pandas reads the report as docs/report.md says."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pandas.read_csv(report, keep_default_na=False, dtype={"path": str})
    assert list(table["path"]) == PATHS
    assert tuple(table.columns) == COLUMNS


def test_duckdb_reads_every_row(report: Path) -> None:
    """DuckDB reads the report by its own guess at the dialect."""
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    rows = duckdb.sql(f"SELECT path, status FROM read_csv('{report}')").fetchall()  # noqa: S608
    assert [path for path, _ in rows] == PATHS
    assert {status for _, status in rows} == {"ok", "failed"}


@pytest.mark.timeout(300)
def test_libreoffice_opens_it_harmlessly(report: Path, tmp_path: Path) -> None:
    """LibreOffice finds no formula in a cell, whether it splits at commas or at semicolons."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if not office:
        pytest.skip("LibreOffice is not installed")
    for separator in (44, 59):  # its "CSV filter options": separator, quote, UTF-8, first line
        out = tmp_path / str(separator)
        words = [
            office, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless",
            f"--infilter=CSV:{separator},34,76,1,,0,false,true,false", "--convert-to", "fods",
            "--outdir", str(out), str(report),
        ]  # fmt: skip
        subprocess.run(words, check=True, capture_output=True, timeout=240)
        sheet = (out / "report.fods").read_text(encoding="utf-8")
        assert "table:formula" not in sheet
        assert sheet.count("<table:table-row") >= len(NAMES)
