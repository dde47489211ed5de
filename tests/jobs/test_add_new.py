"""Reports of folders that grow: new files are added, and those that are gone are told."""

import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from image_folders import write_ward
from runs import FakeSink, rows, session_of

from cxr_edge.cli.scan_options import OutputOptions
from cxr_edge.cli.scan_summary import summary_lines
from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.session import ScanConfig
from cxr_edge.models.model import Model
from cxr_edge.reports.manifest import Gone, manifest_path
from cxr_edge.reports.run_manifest import RunManifest


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_ward(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path, model: Model) -> ScanJob:
    return ScanJob([images], tmp_path / "report.csv", session_of(model, workers=1))


def add(job: ScanJob, *names: str) -> None:
    """Put new images into the folder."""
    for name in names:
        shutil.copy(job.paths[0] / "0.png", job.paths[0] / name)


def paths(job: ScanJob) -> list[str]:
    """Return the paths in the report, in its order."""
    return [row["path"] for row in rows(job.out)]


def scan(job: ScanJob, **how: bool) -> RunManifest:
    """Scan, with options."""
    return run_scan(dataclasses.replace(job, **how))  # type: ignore[arg-type]


def test_new_files_are_scanned_and_no_others(job: ScanJob, model: Model) -> None:
    """Their rows stand behind the old ones, in order; the manifest says that they do."""
    run_scan(job)
    before = job.out.read_bytes()
    scored = len(model.runtime.batches)  # type: ignore[attr-defined]
    add(job, "2a.png", "00.png")
    result = scan(job, add_new=True)
    assert len(model.runtime.batches) == scored + 2  # type: ignore[attr-defined]
    assert job.out.read_bytes().startswith(before)
    assert paths(job)[-2:] == ["00.png", "2a.png"]
    assert (result.continued_from, result.counts.rows, result.order) == (11, 13, "arrival")
    assert json.loads(manifest_path(job.out).read_text())["order"] == "arrival"
    assert len(set(paths(job))) == 13


def test_an_interrupted_addition_is_finished(job: ScanJob) -> None:
    """By the same command, to the same bytes; without the option it says what is missing."""
    run_scan(job)
    add(job, "00.png", "2a.png", "2b.png")
    scan(job, add_new=True)
    whole = job.out.read_bytes()
    before_last = whole.rindex(b"\n", 0, -1) + 1
    job.out.write_bytes(whole[: before_last + 9])
    with pytest.raises(ReportError, match=r"1 file that has no row \(first: 2b.png\); run"):
        run_scan(job)
    assert scan(job, add_new=True).continued_from == 13
    assert job.out.read_bytes() == whole


def test_files_that_are_gone_are_told_and_keep_their_rows(job: ScanJob, images: Path) -> None:
    """Never silently kept, nor dropped."""
    run_scan(job)
    (images / "2.png").unlink()
    (images / "7.png").unlink()
    add(job, "9.png")
    result = scan(job, add_new=True)
    assert (result.gone.files, result.gone.first) == (2, ["2.png", "7.png"])
    assert {"2.png", "7.png", "9.png"} <= set(paths(job))
    assert scan(job, add_new=True).gone.files == 2


def test_a_report_that_can_stay_sorted_does(job: ScanJob) -> None:
    """Files that sort behind the last row continue the report as without the option."""
    run_scan(job)
    add(job, "z.png")
    assert scan(job, add_new=True).order == "sorted"
    assert run_scan(job).continued_from == 12


def test_a_report_by_arrival_needs_no_option_when_nothing_is_new(job: ScanJob) -> None:
    """The plain command finds that there is nothing to do."""
    run_scan(job)
    add(job, "00.png")
    scan(job, add_new=True)
    assert run_scan(job).continued_from == 12


def test_without_a_report_it_is_a_scan(job: ScanJob) -> None:
    """So a nightly command needs no first one."""
    assert scan(job, add_new=True).order == "sorted"
    assert len(paths(job)) == 11


def test_the_option_is_hinted_at(job: ScanJob) -> None:
    """The message names the file that made the folder another one."""
    run_scan(job)
    add(job, "00.png")
    with pytest.raises(
        ReportError, match=r"not those of its rows: 00.png is new; add --add-new, which keeps"
    ):
        run_scan(job)


def test_files_that_failed_are_scanned_again(job: ScanJob, images: Path, model: Model) -> None:
    """The other rows are taken over; the report is the one that a scan from the start writes."""
    run_scan(job)
    before = job.out.read_bytes()
    scored = len(model.runtime.batches)  # type: ignore[attr-defined]
    shutil.copy(images / "0.png", images / "5a.png")
    shutil.copy(images / "1.png", images / "ward" / "empty.jpg")
    result = scan(job, retry_failed=True)
    assert len(model.runtime.batches) == scored + 2  # type: ignore[attr-defined]
    assert (result.counts.failed, result.taken_over_from) == (1, "report.old-1.csv")
    assert job.out.with_name("report.old-1.csv").read_bytes() == before
    whole = job.out.read_bytes()
    scan(job, fresh=True)
    assert job.out.read_bytes() == whole


def test_nothing_failed_is_nothing_to_do(job: ScanJob, images: Path) -> None:
    """The report stays, and no copy is made of it."""
    one = dataclasses.replace(job, paths=[images / "0.png"])
    run_scan(one)
    assert scan(one, retry_failed=True).continued_from == 1
    assert not list(job.out.parent.glob("*old*"))


def stop(_outcomes: Sequence[object]) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", [{"retry_failed": True}, {}])
def test_an_interrupted_retry_is_finished(
    job: ScanJob, images: Path, model: Model, how: dict[str, bool]
) -> None:
    """By either command, and rows are still taken over: nothing is set aside twice."""
    run_scan(job)
    shutil.copy(images / "0.png", images / "5a.png")
    with pytest.raises(KeyboardInterrupt):
        run_scan(dataclasses.replace(job, retry_failed=True), [FakeSink(write=stop)])
    scored = len(model.runtime.batches)  # type: ignore[attr-defined]
    result = scan(job, **how)
    assert result.continued_from > 0
    assert len(model.runtime.batches) == scored + 1  # type: ignore[attr-defined]
    assert result.taken_over_from == "report.old-1.csv"
    assert not job.out.with_name("report.old-2.csv").exists()
    whole = job.out.read_bytes()
    scan(job, fresh=True)
    assert job.out.read_bytes() == whole


def test_a_row_that_an_interrupted_retry_wrote_is_kept(job: ScanJob, images: Path) -> None:
    """A file that goes between the two has its row in the report; one further on has none."""
    run_scan(job)
    with pytest.raises(KeyboardInterrupt):
        run_scan(dataclasses.replace(job, retry_failed=True), [FakeSink(write=stop)])
    first = rows(job.out)[0]["path"]
    last = rows(job.out.with_name("report.old-1.csv"))[-1]["path"]
    (images / first).unlink()
    (images / last).unlink()
    manifest = scan(job, add_new=True)
    found = {row["path"] for row in rows(job.out)}
    assert first in found
    assert last not in found
    assert manifest.gone == Gone(2, [first, last], kept=1)
    said = list(summary_lines(manifest, OutputOptions()))
    assert f"2 files are gone (first: {first}, {last}); 1 row kept, 1 not taken over" in said


def test_a_retry_takes_the_folder_as_it_is(job: ScanJob, images: Path) -> None:
    """New and changed files are scored; those that are gone have no row and are told."""
    run_scan(job)
    add(job, "00.png")
    (images / "2.png").unlink()
    (images / "4.png").write_bytes((images / "6.png").read_bytes())
    os.utime(images / "4.png", (9e9, 9e9))
    result = scan(job, retry_failed=True)
    assert (result.gone.files, result.gone.first) == (1, ["2.png"])
    found = {row["path"]: row["probability"] for row in rows(job.out)}
    assert "2.png" not in found
    assert found["00.png"] == found["0.png"]
    assert found["4.png"] == found["6.png"]
    whole = job.out.read_bytes()
    scan(job, fresh=True)
    assert job.out.read_bytes() == whole


def test_an_edited_report_is_not_taken_over(job: ScanJob) -> None:
    """It is refused before anything is renamed, as where the threshold is another."""
    run_scan(job)
    job.out.write_text(job.out.read_text().replace("PNEUMONIA", "NORMAL", 1))
    with pytest.raises(ReportError, match="was edited"):
        scan(job, retry_failed=True)
    assert not list(job.out.parent.glob("*old*"))


def test_one_way_to_go_on_is_enough(job: ScanJob) -> None:
    """The options exclude each other, before a model is loaded."""
    with pytest.raises(UsageError, match="exclude each other"):
        ScanJob.open(ScanConfig(), job.paths, job.out, add_new=True, retry_failed=True)


def test_the_command_tells_what_is_gone_and_what_helps(
    cxr: Callable[..., Any], images: Path, tmp_path: Path
) -> None:
    """In the summary: the hint, the rows taken over, the files that are gone."""
    command = ("scan", images, "--runtime", "onnx", "-o", tmp_path / "r.csv")
    cxr(*command)
    assert "--retry-failed scans the failed files again" in cxr(*command).output
    (images / "2.png").unlink()
    assert "1 file is gone (first: 2.png); rows kept" in cxr(*command, "--add-new").output
    said = cxr(*command, "--retry-failed").output
    assert "images scored before: taken over from r.old-1.csv" in said
    assert "1 file is gone (first: 2.png); rows not taken over" in said
    added = cxr(*command, "--add-new").output  # that report is finished
    assert "taken over" not in added
    (images / "4.png").unlink()
    added = cxr(*command, "--add-new").output
    assert "1 file is gone (first: 4.png); rows kept" in added
    assert "taken over" not in added


def test_a_report_that_was_set_aside_has_no_say_in_a_finished_one(
    job: ScanJob, images: Path
) -> None:
    """A file that comes back later is scored, even where its old row is of other bytes."""
    run_scan(job)
    away = (images / "6.png").rename(images.parent / "6.png")
    scan(job, retry_failed=True)
    shutil.copy(images / "0.png", images / "6.png")
    os.utime(images / "6.png", (1, 1))
    assert away.read_bytes() != (images / "6.png").read_bytes()
    assert scan(job, add_new=True).taken_over_from is None
    found = {row["path"]: row["sha256"] for row in rows(job.out)}
    assert found["6.png"] == found["0.png"]


def test_a_retry_without_room_for_its_manifest_renames_nothing(
    job: ScanJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the same command takes the rows over once there is room."""
    run_scan(job)

    def full(_path: Path, _text: str, **_how: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(ReportError, match="No space left"):
            scan(job, retry_failed=True)
    assert not list(job.out.parent.glob("*old*"))
    assert scan(job, retry_failed=True).taken_over_from == "report.old-1.csv"


def test_a_retry_that_was_killed_before_its_first_row_is_finished(
    job: ScanJob, images: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is there from the start, and says whose rows to take over."""
    run_scan(job)
    shutil.copy(images / "0.png", images / "5a.png")

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("cxr_edge.jobs.resumable._catch_up", killed)
        with pytest.raises(SystemExit):
            scan(job, retry_failed=True)
    assert not job.out.exists()
    scored = len(model.runtime.batches)  # type: ignore[attr-defined]
    assert run_scan(job).taken_over_from == "report.old-1.csv"
    assert len(model.runtime.batches) == scored + 1  # type: ignore[attr-defined]


def test_rows_of_other_settings_are_refused_though_their_files_are_gone(job: ScanJob) -> None:
    """A killed run's last rows have no digest, so all are compared with model and threshold."""
    run_scan(job)
    fields = json.loads(manifest_path(job.out).read_text()) | {"exit_code": None}
    manifest_path(job.out).write_text(json.dumps(fields))
    row = job.out.read_text().splitlines()[1].replace("0.png", "gone.png")
    job.out.write_text(f"{job.out.read_text()}{row.rpartition(',')[0]},other@0123456789ab\n")
    with pytest.raises(ReportError, match="model other@0123456789ab"):
        scan(job, add_new=True)


def test_a_retry_that_is_finished_takes_over_no_more(job: ScanJob, images: Path) -> None:
    """Files that were gone before are not told again, and new ones are scanned."""
    run_scan(job)
    (images / "2.png").unlink()
    scan(job, retry_failed=True)
    add(job, "00.png")
    result = scan(job, add_new=True)
    assert (result.gone.files, result.taken_over_from) == (0, None)
    assert paths(job)[-1] == "00.png"
