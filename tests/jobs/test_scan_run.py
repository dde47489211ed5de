"""One scan into one report, whatever happens in between."""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from image_folders import write_mixed
from runs import FakeSink, rows, session_of

from cxr_edge.errors import ExitCode, ReportError, UsageError
from cxr_edge.jobs.failure_limit import FailureLimit
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.csv_report import COLUMNS
from cxr_edge.reports.manifest import manifest_path


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_mixed(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path, model: Model) -> ScanJob:
    return ScanJob([images], tmp_path / "report.csv", session_of(model, batching=Batching(4)))


def manifest(report: Path) -> dict[str, object]:
    return dict(json.loads(manifest_path(report).read_text()))


def test_every_file_taken_has_one_row(job: ScanJob, images: Path) -> None:
    """Rows are sorted, failed files are among them, and the exit code says that some failed."""
    result = run_scan(job)
    paths = [row["path"] for row in rows(job.out)]
    taken = [p.relative_to(images).as_posix() for p in images.rglob("*.*") if p.suffix != ".txt"]
    assert paths == sorted(taken)
    assert result.exit_code == ExitCode.SOME_FAILED
    assert result.skipped == {"other": 1}


def test_own_files_are_not_counted(job: ScanJob, images: Path) -> None:
    """Report, manifest, lock and half-written files lie in the folder and are no skipped files."""
    (images / ".half-0123.csv").touch()
    inside = dataclasses.replace(job, out=images / "report.csv")
    for _ in range(2):
        assert run_scan(inside).skipped == {"other": 1}
    (images / ".other.csv.lock").touch()
    assert run_scan(inside).skipped == {"other": 1, "hidden": 1}


def test_csv_and_manifest_agree(job: ScanJob) -> None:
    """The counts can be recomputed from the rows; digests and thresholds are those used."""
    run_scan(job)
    data = manifest(job.out)
    table = rows(job.out)
    counts = ScanCounts()
    for row in table:
        counts.add(row)
    assert data["counts"] == counts.to_dict()
    assert data["exit_code"] == 3
    assert data["operating_point"] == "screening"
    identity = data["identity"]
    assert isinstance(identity, dict)
    assert identity["provider"] == "FakeProvider"
    assert (data["runtime_why"], data["self_test"]) == ("asked for", "skipped")
    for row in table:
        assert row["model"] == f"{identity['model']}@{identity['model_sha256'][:12]}"
        if row["status"] == "ok":
            assert float(row["threshold"]) == identity["threshold"]
            positive = float(row["probability"]) >= identity["threshold"]
            assert row["label"] == identity["labels"][positive]


def test_good_files_alone_exit_with_0(job: ScanJob, images: Path) -> None:
    """Nothing failed, nothing to look at."""
    assert run_scan(dataclasses.replace(job, paths=[images / "0.png"])).exit_code == ExitCode.DONE


def test_an_empty_folder_gives_a_header(job: ScanJob, tmp_path: Path) -> None:
    """No image is no error: the report exists and is empty."""
    (tmp_path / "nothing").mkdir()
    assert run_scan(dataclasses.replace(job, paths=[tmp_path / "nothing"])).exit_code == 0
    assert job.out.read_text() == ",".join(COLUMNS) + "\n"


def test_a_finished_report_is_not_computed_again(job: ScanJob, model: Model) -> None:
    """The second run scores nothing, and reports the same counts."""
    first = run_scan(job)
    scored = len(model.runtime.batches)  # type: ignore[attr-defined]
    second = run_scan(job)
    assert len(model.runtime.batches) == scored  # type: ignore[attr-defined]
    assert second.counts == first.counts
    assert second.continued_from == first.counts.rows
    assert second.exit_code == first.exit_code


def interrupt(_outcomes: Sequence[object]) -> None:
    raise KeyboardInterrupt


def test_interrupted_it_can_be_continued(job: ScanJob) -> None:
    """Ctrl-C leaves a report and a manifest that say so, and the next run finishes."""

    sink = FakeSink(write=interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_scan(job, [sink])
    assert sink.calls == ["begin at 0", "write 4", "close with 130"]
    assert manifest(job.out)["exit_code"] == 130
    assert len(rows(job.out)) == 4
    assert run_scan(job).continued_from == 4


def test_no_report_is_left_without_a_manifest(
    job: ScanJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before the first or the second file is written, the same command goes on."""

    def killed(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("cxr_edge.reports.manifest.write_text_atomically", killed)
        with pytest.raises(SystemExit):
            run_scan(job)
    assert not job.out.exists()
    with monkeypatch.context() as patch:
        patch.setattr("cxr_edge.reports.append_log.AppendLog.open", killed)
        with pytest.raises(SystemExit):
            run_scan(job)
    assert run_scan(job).counts.rows == 13


def test_too_many_failures_stop_early(job: ScanJob) -> None:
    """The report holds what was done and can be continued with a higher limit."""
    with pytest.raises(ReportError, match="--max-failures allows 0"):
        run_scan(dataclasses.replace(job, max_failures=FailureLimit("0")))
    assert manifest(job.out)["exit_code"] == 1
    assert run_scan(job).counts.rows == 13


def test_a_foreign_file_is_not_overwritten(job: ScanJob) -> None:
    """Whatever stands at --out and is no report stays as it is."""
    for content in (b"my notes", b"a,b,c\n1,2,3\n"):
        job.out.write_bytes(content)
        with pytest.raises(ReportError, match="not a report of cxr scan"):
            run_scan(job)
        assert job.out.read_bytes() == content


def test_the_report_itself_is_no_image(job: ScanJob, images: Path) -> None:
    """A report without a suffix, inside the folder that is scanned, gets no row."""
    run_scan(dataclasses.replace(job, out=images / "report"))
    assert "report" not in {row["path"] for row in rows(images / "report")}
    assert run_scan(dataclasses.replace(job, out=images / "report")).continued_from == 13


def test_a_file_name_with_a_line_break_can_be_continued(job: ScanJob, images: Path) -> None:
    """A row is one line whatever the name is."""
    (images / "film\r").touch()
    run_scan(job)
    assert "film\\x0d" in {row["path"] for row in rows(job.out)}
    assert run_scan(job).continued_from == 14


def test_a_full_disk_is_told_and_continued(job: ScanJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest agrees with what reached the disk, and the next run finishes."""

    def full(*_: object) -> None:
        raise ReportError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("cxr_edge.reports.csv_report.CsvSink.write", full)
        with pytest.raises(ReportError, match="no space"):
            run_scan(job)
    assert manifest(job.out)["exit_code"] == 1
    assert run_scan(job).counts.rows == 13


def test_a_missing_out_folder_is_seen_before_any_work(job: ScanJob, model: Model) -> None:
    """Nothing is scored for a report that cannot be written."""
    with pytest.raises(UsageError, match="make it first"):
        run_scan(dataclasses.replace(job, out=job.out.parent / "none" / "report.csv"))
    with pytest.raises(UsageError, match="is a folder"):
        run_scan(dataclasses.replace(job, out=job.out.parent))
    with pytest.raises(UsageError, match="not a regular file"):
        run_scan(dataclasses.replace(job, out=Path("/dev/null")))
    assert not model.runtime.batches  # type: ignore[attr-defined]


def test_an_unwritable_out_is_seen_before_any_work(
    job: ScanJob, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only folder is told at once; asked of the system, since root may write anywhere."""
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UsageError, match="not writable"):
        run_scan(job)
    assert not model.runtime.batches  # type: ignore[attr-defined]


def test_several_folders_are_told_apart(job: ScanJob, images: Path, tmp_path: Path) -> None:
    """Each root's name stands before its files, and the rows are sorted over all of them."""
    shutil.copytree(images, tmp_path / "a images")
    run_scan(dataclasses.replace(job, paths=[images, tmp_path / "a images"]))
    paths = [row["path"] for row in rows(job.out)]
    assert paths == sorted(paths)
    assert len(set(paths)) == 26
    assert {path.split("/")[0] for path in paths} == {"films", "a images"}
