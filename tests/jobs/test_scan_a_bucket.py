"""A scan of a bucket gives the report of a scan of the same files in a folder."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from buckets import KEYS, Server, serving
from clocks import PauseClock
from image_folders import write_dicoms, write_mixed
from runs import rows, session_of

from cxr_edge.errors import ExitCode, FolderGone, TimedOut, UsageError
from cxr_edge.isolation import sandbox as sandbox_module
from cxr_edge.isolation.heartbeat import InFlightTable, key
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.jobs.html_report import PageJob, write_html
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.storage import retry, s3
from cxr_edge.storage.s3 import S3Storage

ROOT = "s3://films"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    folder = write_mixed(tmp_path_factory.mktemp("bucket") / "films", phantoms)
    write_dicoms(folder / "dicom", phantoms)
    return folder


@pytest.fixture(scope="module")
def server(images: Path) -> Iterator[Server]:
    files = [path for path in images.rglob("*") if path.is_file()]
    with serving() as running:
        running.bucket(
            "films", {path.relative_to(images).as_posix(): path.read_bytes() for path in files}
        )
        yield running


@pytest.fixture(autouse=True)
def calm(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.02)
    server.faults.calm()
    s3._in_vain.clear()


@pytest.fixture
def job(tmp_path: Path, model: Model) -> ScanJob:
    session = session_of(model, batching=Batching(4), workers=2)
    return ScanJob([ROOT], tmp_path / "report.csv", session)


@pytest.fixture
def expected(job: ScanJob, images: Path, tmp_path: Path) -> bytes:
    """The report of the folder."""
    local = replace(job, paths=[images], out=tmp_path / "local.csv")
    assert run_scan(local).exit_code == ExitCode.SOME_FAILED
    return local.out.read_bytes()


def test_the_report_is_that_of_the_folder(job: ScanJob, expected: bytes, server: Server) -> None:
    """Byte for byte, at one request for each film, with the same counts of what was skipped."""
    result = run_scan(job)
    assert job.out.read_bytes() == expected
    assert result.skipped == {"other": 2}
    films = [line for line in server.faults.asked if line.startswith("GET")]
    assert len(films) == len(set(films)) == len(rows(job.out)) + 2
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in manifest_path(job.out).read_text()


def test_faults_of_the_server_leave_the_report_as_it_is(
    job: ScanJob, expected: bytes, server: Server
) -> None:
    """A storm of refusals and reset connections costs time and no row."""
    server.faults.busy, server.faults.resets = 5, 3
    run_scan(job)
    assert job.out.read_bytes() == expected


def test_a_report_is_continued(job: ScanJob, expected: bytes, server: Server) -> None:
    """From wherever its run was ended, without reading again what has a row."""
    run_scan(job)
    manifest = manifest_path(job.out)
    lines = expected.splitlines(keepends=True)
    job.out.write_bytes(b"".join(lines[:12]))
    manifest.write_text(manifest.read_text().replace('"finished": true', '"finished": false'))
    server.faults.asked.clear()
    run_scan(job)
    assert job.out.read_bytes() == expected
    again = {line for line in server.faults.asked if line.startswith("GET")}
    assert len(again) < len(lines) - 12 + 4 + 3


def test_a_key_that_vanishes_is_one_failed_row(
    job: ScanJob, expected: bytes, server: Server
) -> None:
    """All other rows are as they were."""
    server.faults.vanished.add("/films/4.png")
    run_scan(job)
    before = list(csv.DictReader(expected.decode().splitlines()))
    changed = [(old, new) for old, new in zip(before, rows(job.out), strict=True) if old != new]
    ((old, new),) = changed
    assert (old["path"], new["status"], new["reason"]) == ("4.png", "failed", "unreadable")
    assert "not in the bucket any more" in new["detail"]


def test_a_server_that_goes_ends_the_run(
    job: ScanJob, expected: bytes, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives no row for each file that is left, and the same command continues later."""
    monkeypatch.setattr(retry, "time", PauseClock())

    def go(path: str) -> None:
        if path == "/films/6.png":
            server.faults.busy = 1_000_000

    server.faults.before = go
    with pytest.raises(FolderGone, match="no longer available"):
        run_scan(job)
    assert len(rows(job.out)) < 12
    server.faults.calm()
    run_scan(job)
    assert job.out.read_bytes() == expected


def test_names_that_no_file_can_have_are_told(server: Server) -> None:
    """Keys with an empty name or two dots are counted as what may hold images; nothing is lost."""
    server.bucket("names", dict.fromkeys(["a//b.png", "../c.png", "a/..", "/d.png", "e.png"], b"x"))
    skipped = Skipped()
    assert [item.path for item in discover(["s3://names"], skipped)] == ["e.png"]
    assert skipped.counts == {"name": 4}
    assert skipped.first_lost == ["../c.png", "/d.png", "a/..", "a//b.png"]


def test_pages_have_pictures_of_a_bucket(job: ScanJob, tmp_path: Path) -> None:
    """The page of a report reads the images from where they were scanned."""
    run_scan(job)
    page = tmp_path / "report.html"
    written = write_html(PageJob(job.out, page))
    assert not [lack for lack in written.lacks if "not found" in lack]
    assert page.read_text().count("data:image/jpeg") > 10


def test_failed_files_of_a_bucket_are_quarantined(
    job: ScanJob, images: Path, server: Server, tmp_path: Path
) -> None:
    """Their copies have the bytes of the bucket; what vanished has none, and the scan goes on."""
    server.faults.vanished.add("/films/4.png")
    run_scan(replace(job, quarantine=tmp_path / "bad"))
    assert not (tmp_path / "bad" / "files" / "4.png").exists()
    copy = tmp_path / "bad" / "files" / "b" / "bad.png"
    assert copy.read_bytes() == (images / "b" / "bad.png").read_bytes()


def test_roots_of_a_bucket_are_named() -> None:
    """By their last names, and a file is itself; one inside another is refused."""
    found = resolve_roots([f"{ROOT}/b/", f"{ROOT}/dicom", f"{ROOT}/4.png"])
    assert [(root.where, root.prefix, root.is_folder) for root in found] == [
        (f"{ROOT}/b", "b", True),
        (f"{ROOT}/dicom", "dicom", True),
        (f"{ROOT}/4.png", "4.png", False),
    ]
    with pytest.raises(UsageError, match="is inside"):
        resolve_roots([ROOT, f"{ROOT}/b"])
    with pytest.raises(UsageError, match="check the spelling"):
        resolve_roots([f"{ROOT}/typo"])


@pytest.mark.slow
def test_a_slow_read_obeys_the_time_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose bytes do not arrive costs its row, as one that is decoded for ever."""
    monkeypatch.setattr(sandbox_module, "START", 3.0)
    path = f"{ROOT}/4.png"
    sandbox = Sandbox(InFlightTable(suspects={key(path)}))
    sandbox.in_flight.limit(0.1, 0)
    server.faults.slow = 20
    start = time.monotonic()
    attempt = sandbox.attempt(path, len, S3Storage())
    assert isinstance(attempt.content, TimedOut)
    assert time.monotonic() - start < 15
    server.faults.slow = 0
    sandbox.in_flight.limit(60, 0)
    assert isinstance(sandbox.attempt(path, len, S3Storage()).content, int)


@pytest.mark.slow
def test_a_killed_scan_of_a_bucket_is_finished(server: Server, tmp_path: Path) -> None:
    """Killed by the system at any moment, and started again, the command writes the same bytes."""
    words = [sys.executable, "-m", "cxr_edge", "scan", "--runtime", "onnx", "--batch-size", "1",
             "--quiet", "--no-self-test", ROOT, "--out"]  # fmt: skip
    whole, killed = tmp_path / "whole.csv", tmp_path / "killed.csv"
    assert subprocess.run([*words, whole], check=False).returncode == ExitCode.SOME_FAILED
    server.faults.slow = 0.5
    process = subprocess.Popen([*words, killed], start_new_session=True)
    until = time.monotonic() + 60
    while not (killed.exists() and len(killed.read_bytes().splitlines()) > 3):
        assert time.monotonic() < until
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    server.faults.slow = 0
    assert len(killed.read_bytes().splitlines()) < len(whole.read_bytes().splitlines())
    assert subprocess.run([*words, killed], check=False).returncode == ExitCode.SOME_FAILED
    assert killed.read_bytes() == whole.read_bytes()
