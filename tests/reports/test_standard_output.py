"""Reports on standard output, and summaries as JSON."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from image_folders import write_ward
from runs import session_of

from cxr_edge.errors import ReportError
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.reports.standard_output import STDOUT, StandardOutput, report_at


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_ward(tmp_path / "films", phantoms)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of the test's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def cxr_scan(*words: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cxr_edge", "scan", "--runtime", "onnx", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_rows_go_to_standard_output_and_nothing_else(
    images: Path, tmp_path: Path, temporary: Path
) -> None:
    """The same bytes as a report's; the summary goes to standard error, and no file is left."""
    written = cxr_scan(images, "-o", tmp_path / "r.csv")
    done = cxr_scan(images, "-o", "-")
    assert done.stdout == (tmp_path / "r.csv").read_text()
    assert done.returncode == written.returncode == 3
    assert "11 files" in done.stderr
    assert "report: standard output\n" in done.stderr
    assert not list(temporary.iterdir())
    as_json = cxr_scan(images, "-o", "-", "--json")
    assert as_json.stdout == done.stdout
    assert json.loads(as_json.stderr)["counts"]["rows"] == 11


@pytest.mark.parametrize("option", ["--add-new", "--retry-failed"])
def test_nothing_there_is_continued(cxr: Callable[..., Any], images: Path, option: str) -> None:
    """An option that goes on with a report is refused, not ignored."""
    done = cxr("scan", images, "-o", "-", option)
    assert done.exit_code == 2
    assert f"{option} needs a report to go on with; name a file with --out" in done.output


def test_a_closed_pipe_ends_quietly(images: Path, temporary: Path) -> None:
    """Whoever reads has enough: exit code 1, not a word, no file."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "cxr_edge", "scan", images, "-o", "-", "--runtime", "onnx"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
    assert not list(temporary.iterdir())


def test_a_full_device_is_told(images: Path) -> None:
    """In one line, with exit code 1."""
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "cxr_edge", "scan", images, "-o", "-", "--runtime", "onnx"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"error: standard output cannot be written: No space left on device\n"


def test_the_summary_as_json_is_the_manifest(images: Path, tmp_path: Path) -> None:
    """One object on one line, whatever else is asked for; without the digest of the rows."""
    out = tmp_path / "r.csv"
    manifest = json.loads(cxr_scan(images, "-o", out, "--json", "--quiet").stdout)
    written = json.loads((tmp_path / "r.run.json").read_text())
    del written["digest"]
    assert manifest == {"report": str(out)} | written
    again = cxr_scan(images, "-o", out, "--json")
    assert again.stdout.count("\n") == 1
    assert json.loads(again.stdout)["continued_from"] == 11


def test_a_process_that_follows_goes_on_where_the_rows_ended(
    images: Path, tmp_path: Path, model: Model
) -> None:
    """After a crash: no row is written twice and none is missing, also where one was half out."""
    session = session_of(model, workers=1)
    run_scan(ScanJob([images], tmp_path / "r.csv", session))
    whole = (tmp_path / "r.csv").read_bytes()

    class Crash(BaseException):
        """End a process here."""

    class Half(StandardOutput):
        """Write a piece of the sixth row and end."""

        def _write(self, chunk: bytes) -> int:
            if chunk.startswith(b"5.png"):
                return os.write(self._descriptor, chunk[:40])
            if not chunk.startswith((b"path", b"0", b"1", b"2", b"3", b"4")):
                raise Crash
            return super()._write(chunk)

    printed = tmp_path / "printed"
    table = InFlightTable()
    folder = Path(tempfile.gettempdir()) / f"cxr-scan-{table.token}"
    with printed.open("wb") as out:
        folder.mkdir()
        job = ScanJob([images], folder / "report.csv", session)
        with pytest.raises(Crash):
            run_scan(job, [Half(job.out, out.fileno())])
        with report_at(STDOUT, table.token) as report:
            run_scan(job, [StandardOutput(report, out.fileno())])
    assert printed.read_bytes() == whole
    assert not folder.exists()


def test_a_place_that_cannot_be_written_is_told(temporary: Path) -> None:
    """The message names the variable that moves it."""
    (temporary / "cxr-scan-ab").touch()
    with pytest.raises(ReportError, match="set TMPDIR"), report_at(STDOUT, "ab"):
        pass


def test_other_reports_stand_where_they_are_to_be(tmp_path: Path, temporary: Path) -> None:
    """No folder is made for them."""
    with report_at(tmp_path / "r.csv", "ab") as report:
        assert report == tmp_path / "r.csv"
        assert not list(temporary.iterdir())


def test_a_pipe_that_nobody_reads_takes_whole_pieces(tmp_path: Path) -> None:
    """Killed while it waits, the process knows what was taken, so no row is written twice."""
    report = tmp_path / "report.csv"
    report.write_bytes(bytes(range(256)) * 2048)
    taken, given = os.pipe()
    os.set_blocking(given, False)
    with pytest.raises(ReportError, match="standard output cannot be written"):
        StandardOutput(report, given).write([])
    count = int((tmp_path / "copied").read_text())
    assert os.read(taken, 1 << 20) == report.read_bytes()[:count]
    os.close(taken)
    os.close(given)
