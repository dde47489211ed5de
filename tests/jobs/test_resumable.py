"""The runner of resumable jobs: what it tells its sinks, and how it ends."""

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from fakes import SAMPLES
from image_folders import write_ward
from runs import FakeSink, rows, session_of

from cxr_edge.errors import ReportError
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.reports.append_log import AppendLog
from cxr_edge.reports.manifest import Manifest, manifest_path
from cxr_edge.reports.sink import RunResult


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_ward(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path, model: Model) -> ScanJob:
    return ScanJob([images], tmp_path / "report.csv", session_of(model, workers=1))


def test_every_sink_is_told(model: Model, tmp_path: Path) -> None:
    """Once when the run begins, of each batch in order, and once when it ends."""
    sinks = [FakeSink(), FakeSink()]
    job = ScanJob([SAMPLES], tmp_path / "r.csv", session_of(model, batching=Batching(4)))
    run_scan(job, sinks)
    for sink in sinks:
        assert sink.calls == ["begin at 0", "write 4", "write 4", "write 1", "close with 3"]
        assert sink.results[0].error is None
        assert [one.path for one in sink.outcomes] == [row["path"] for row in rows(job.out)]


def test_a_sink_that_fails_stops_the_run_and_not_the_other_sinks(job: ScanJob) -> None:
    """The others are closed, all with the first error, which is raised; rows are kept."""

    def full(_outcomes: Sequence[object]) -> None:
        raise ReportError("no room")

    def broken(_result: RunResult) -> None:
        raise ReportError("cannot be closed either")

    sinks = [FakeSink(), FakeSink(write=full), FakeSink(close=broken)]
    with pytest.raises(ReportError, match="no room"):
        run_scan(job, sinks)
    assert [sink.calls[-1] for sink in sinks] == ["close with 1"] * 3
    assert {str(sink.results[0].error) for sink in sinks} == {"no room"}
    assert json.loads(manifest_path(job.out).read_text())["exit_code"] == 1
    assert run_scan(job).continued_from == 1


def test_a_report_that_cannot_be_closed_is_an_error(
    job: ScanJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows were written, yet the manifest and the sinks do not say that the run finished."""

    def full(_log: AppendLog) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sink = FakeSink(begin=lambda _manifest: monkeypatch.setattr(AppendLog, "_sync", full))
    with pytest.raises(ReportError, match="No space left"):
        run_scan(job, [sink])
    assert sink.calls[-1] == "close with 1"
    assert json.loads(manifest_path(job.out).read_text())["exit_code"] == 1
    assert len(rows(job.out)) == 11


def test_a_run_that_ended_is_not_started_again(job: ScanJob) -> None:
    """The supervisor is told the exit code, so a crash that comes later does not count."""
    codes = []
    sink = FakeSink(close=lambda _result: codes.append(job.in_flight.code))
    run_scan(job, [sink])
    assert codes == [3]


def test_a_folder_that_goes_stops_the_scan(job: ScanJob, images: Path, tmp_path: Path) -> None:
    """Its files do not become failed rows, and once it is back the report is finished."""
    run_scan(job)
    whole = job.out.read_bytes()
    kept = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    job.out.write_bytes(whole[:kept])
    away = tmp_path / "away"

    unplugs = FakeSink(begin=lambda _manifest: images.rename(away))
    with pytest.raises(ReportError, match="is no longer available"):
        run_scan(job, [unplugs])
    assert job.out.read_bytes() == whole[:kept]
    away.rename(images)
    run_scan(job)
    assert job.out.read_bytes() == whole


def test_the_manifest_names_the_process_while_it_runs(job: ScanJob) -> None:
    """So that whoever waits for the report knows for whom."""

    def look(manifest: Manifest) -> None:
        assert manifest.pid == os.getpid()
        assert f'"pid": {os.getpid()}' in manifest_path(job.out).read_text()

    assert run_scan(job, [FakeSink(begin=look)]).pid is None
    assert '"pid": null' in manifest_path(job.out).read_text()


def test_a_killed_run_leaves_a_digest_of_its_rows(
    job: ScanJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time that rows reach the disk the manifest learns it, so an edit is found later."""
    killed = tmp_path / "killed.csv"

    def kill(outcomes: Sequence[object]) -> None:
        digest = json.loads(manifest_path(job.out).read_text())["digest"]
        assert digest["rows"] == len(rows(job.out))
        if outcomes and digest["rows"] == 6:  # what stands on the disk now stays there
            killed.write_bytes(job.out.read_bytes().replace(b"3.png,ok,", b"3.png,OK,"))
            manifest_path(killed).write_bytes(manifest_path(job.out).read_bytes())

    monkeypatch.setattr("cxr_edge.reports.append_log.SYNC_EVERY", -1.0)
    run_scan(job, [FakeSink(write=kill)])
    with pytest.raises(ReportError, match=r"row 4 \(3.png\) is not as cxr scan wrote it"):
        run_scan(replace(job, out=killed))
    killed.write_bytes(killed.read_bytes().replace(b"OK", b"ok"))
    assert run_scan(replace(job, out=killed)).continued_from == 6
    assert killed.read_bytes() == job.out.read_bytes()
