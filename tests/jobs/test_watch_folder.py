"""``cxr watch``: one row for every file, whatever happens in between."""

import errno
import json
import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from runs import session_of
from watches import DAY, add_file, add_image, found, health, scripted

from cxr_edge.errors import CxrError, ExitCode, ReportError, UsageError
from cxr_edge.jobs import put_away, watch_folder
from cxr_edge.jobs.day_report import DayWork
from cxr_edge.jobs.html_report import PageJob, write_html
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.watch_folder import watch
from cxr_edge.jobs.watch_job import WatchJob, check_folders
from cxr_edge.jobs.watch_state import HEALTH
from cxr_edge.models.model import Model
from cxr_edge.reports.append_log import AppendLog
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.run_manifest import RunManifest
from cxr_edge.storage.lock import alone_at

TOMORROW = DAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for a disk are short, and no page is made but by the tests of pages."""
    monkeypatch.setattr(watch_folder, "RETRY", 0.01)
    monkeypatch.setattr("cxr_edge.jobs.day_page.call_in_subprocess", lambda *_, **__: None)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def job(tmp_path: Path, model: Model, said: list[str]) -> WatchJob:
    """A watch that takes the files that are there, and ends."""
    for name in ("inbox", "out"):
        (tmp_path / name).mkdir()
    return WatchJob(
        tmp_path / "inbox",
        tmp_path / "out",
        session_of(model, workers=2),
        settle=0.1,
        poll=0.02,
        once=True,
        tell=said.append,
        today=lambda: DAY,
    )


def paths(job: WatchJob, day: date = DAY) -> list[str]:
    return [row["path"] for row in found(job, day)]


def manifest(job: WatchJob, day: date = DAY) -> dict[str, object]:
    path = manifest_path(job.report(day.isoformat()))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def files(folder: Path) -> list[str]:
    there = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in there)


def test_each_file_gets_one_row(job: WatchJob, phantoms: ModuleType) -> None:
    """Rows are those of a scan but for their order, and the manifest says how they are kept."""
    for number, name in enumerate(["b.png", "a.png", "ward/c.png"]):
        add_image(job.inbox, name, phantoms, number)
    add_file(job.inbox, "bad.png", b"no image")
    add_file(job.inbox, "notes.txt", b"no image")
    assert watch(job) == ExitCode.SOME_FAILED
    scan = ScanJob([job.inbox], job.out.with_name("scan.csv"), job.session)
    run_scan(scan)
    assert sorted(job.report(DAY.isoformat()).read_bytes().splitlines()) == (
        sorted(scan.out.read_bytes().splitlines())
    )
    recorded = manifest(job)
    assert recorded["order"] == "arrival"
    assert recorded["identity"]["rows_by"] == "path and sha256"  # type: ignore[index]
    assert files(job.inbox) == ["a.png", "b.png", "bad.png", "notes.txt", "ward/c.png"]


def test_no_file_is_scored_twice(job: WatchJob, phantoms: ModuleType) -> None:
    """A watch that is started again leaves the report as it is; only other bytes are new."""
    film = add_image(job.inbox, "a.png", phantoms)
    add_image(job.inbox, "b.png", phantoms)
    watch(job)
    before = job.report(DAY.isoformat()).read_bytes()
    os.utime(film)
    watch(job)
    assert job.report(DAY.isoformat()).read_bytes() == before
    assert health(job)["already"] == 2
    add_image(job.inbox, "a.png", phantoms, 5)
    watch(job)
    assert paths(job) == ["a.png", "b.png", "a.png"]


def test_one_that_ends_tells_of_its_own_files(job: WatchJob, phantoms: ModuleType) -> None:
    """A failed file of an earlier start of the day is neither counted nor an exit code."""
    told: list[RunManifest] = []
    job = replace(job, ended=told.append)
    add_file(job.inbox, "bad.png", b"no image")
    assert watch(job) == ExitCode.SOME_FAILED
    add_image(job.inbox, "a.png", phantoms)
    assert watch(job) == watch(job) == ExitCode.DONE
    assert [(one.counts.rows, one.counts.failed) for one in told] == [(1, 1), (1, 0), (0, 0)]
    assert told[0].counts.first_failed == ["bad.png"]


def test_a_row_of_an_earlier_day_counts(job: WatchJob, phantoms: ModuleType) -> None:
    """A file that stayed is not scored again the next day, and the earlier day stays as it is."""
    add_image(job.inbox, "a.png", phantoms)
    watch(job)
    before = {name: (job.out / name).read_bytes() for name in files(job.out) if name != HEALTH}
    add_image(job.inbox, "b.png", phantoms)
    watch(replace(job, today=lambda: TOMORROW))
    assert paths(job, TOMORROW) == ["b.png"]
    assert {name: (job.out / name).read_bytes() for name in before} == before


def test_files_are_moved_by_their_outcome(job: WatchJob, phantoms: ModuleType) -> None:
    """To done/DAY and failed/DAY under their own paths; what is no image stays."""
    add_image(job.inbox, "ward/a.png", phantoms)
    add_file(job.inbox, "bad.png", b"no image")
    add_file(job.inbox, "notes.txt", b"no image")
    watch(replace(job, move=True))
    day = DAY.isoformat()
    assert files(job.inbox) == ["notes.txt"]
    assert files(job.out / "done") == [f"{day}/ward/a.png"]
    assert files(job.out / "failed") == [f"{day}/bad.png"]
    assert manifest(job)["roots"] == {"": str(job.out / "done" / day)}


def test_a_move_replaces_nothing(job: WatchJob, phantoms: ModuleType) -> None:
    """A path that comes again with other bytes gets a free name; the same bytes are kept once."""
    moving = replace(job, move=True)
    for number in (1, 2, 1):
        add_image(job.inbox, "a.png", phantoms, number)
        watch(moving)
    assert [path.rpartition("/")[2] for path in files(job.out / "done")] == ["a.2.png", "a.png"]
    assert len(found(job)) == 2
    assert files(job.inbox) == []


@pytest.mark.parametrize("move", [True, False])
def test_the_page_of_the_day_knows_a_path_that_came_again(
    job: WatchJob, phantoms: ModuleType, move: bool
) -> None:
    """Each version that is still there has its picture; one that is not was replaced."""
    for number in (1, 2):
        add_image(job.inbox, "a.png", phantoms, number)
        watch(replace(job, move=move))
    report = job.report(DAY.isoformat())
    lacks = write_html(PageJob(report, report.with_suffix(".html"))).lacks
    replaced = "1 of 2 images was replaced by a later file at its path, which has a row of its own."
    assert [line for line in lacks if "images" in line] == ([] if move else [replaced])


def test_a_row_is_on_the_disk_before_its_file_is_moved(
    job: WatchJob, phantoms: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power failure could take the row of a file that is no longer in the inbox."""
    done = []
    fsync, move = os.fsync, put_away.move_file

    def note_fsync(handle: int) -> None:
        fsync(handle)
        done.append(Path(f"/proc/self/fd/{handle}").readlink().name)

    def note_move(source: Path, *words: object) -> Path | None:
        done.append(source.name)
        return move(source, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(put_away, "move_file", note_move)
    add_image(job.inbox, "a.png", phantoms)
    watch(replace(job, move=True))
    assert found(job)
    at = done.index("a.png")
    assert done[at - 1] == f"{DAY.isoformat()}.csv"


def test_a_file_that_cannot_be_moved_stays(
    job: WatchJob, phantoms: ModuleType, said: list[str]
) -> None:
    """It has its row, and no second one; that is told once and counted."""
    add_image(job.inbox, "a.png", phantoms)
    (job.out / "done").write_text("in the way")
    for _ in range(2):
        watch(replace(job, move=True))
    assert len(found(job)) == 1
    assert health(job)["not_moved"] == 1
    assert any("a.png cannot be moved" in line for line in said)


def test_a_killed_watch_goes_on(job: WatchJob, phantoms: ModuleType) -> None:
    """A row that was cut short is made again, and files are moved whose rows were written."""
    job = replace(job, move=True)
    for name in ("a.png", "b.png", "c.png"):
        add_image(job.inbox, name, phantoms)
    watch(job)
    for path in list((job.out / "done" / DAY.isoformat()).iterdir()):
        path.rename(job.inbox / path.name)
    report = job.report(DAY.isoformat())
    whole = report.read_bytes()
    report.write_bytes(whole[:-30])
    recorded = manifest(job)
    recorded.update(exit_code=None, ended=None, pid=1)
    manifest_path(report).write_text(json.dumps(recorded))
    (job.out / ".half-0123.html").touch()
    watch(job)
    assert report.read_bytes() == whole
    assert files(job.inbox) == []
    assert len(files(job.out / "done")) == 3
    assert not (job.out / ".half-0123.html").exists()


def test_a_report_that_was_killed_before_midnight_is_finished(
    job: WatchJob, phantoms: ModuleType
) -> None:
    """The watch of the next day does that first."""
    add_image(job.inbox, "a.png", phantoms)
    watch(job)
    recorded = manifest(job)
    recorded.update(exit_code=None, ended=None, pid=1)
    manifest_path(job.report(DAY.isoformat())).write_text(json.dumps(recorded))
    watch(replace(job, today=lambda: TOMORROW))
    assert manifest(job)["exit_code"] == 0
    assert paths(job, TOMORROW) == []


def test_an_earlier_report_that_was_edited_stops_nobody(
    job: WatchJob, phantoms: ModuleType, said: list[str]
) -> None:
    """Its rows are not known then, which is told."""
    job.report("2026-01-01").write_text("edited")
    add_image(job.inbox, "a.png", phantoms)
    assert watch(job) == ExitCode.DONE
    assert any(line.startswith("warning: ") and "2026-01-01" in line for line in said)


def test_midnight_starts_a_new_report(job: WatchJob, phantoms: ModuleType) -> None:
    """The report of the day before is finished while the watch runs on."""
    day = DAY

    def today() -> date:
        nonlocal day
        if day == DAY and found(job):
            day = TOMORROW
            add_image(job.inbox, "b.png", phantoms)
        elif day == TOMORROW and found(job, day):
            signal.raise_signal(signal.SIGTERM)
        return day

    add_image(job.inbox, "a.png", phantoms)
    assert watch(replace(job, once=False, today=today)) == ExitCode.DONE
    assert (paths(job), paths(job, TOMORROW)) == (["a.png"], ["b.png"])
    assert manifest(job)["exit_code"] == manifest(job, TOMORROW)["exit_code"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(
    job: WatchJob, phantoms: ModuleType, number: signal.Signals
) -> None:
    """The report is finished, exit code 0, and the health file says that it stopped."""

    def today() -> date:
        if found(job):
            signal.raise_signal(number)
        return DAY

    before = signal.getsignal(number)
    add_image(job.inbox, "a.png", phantoms)
    add_file(job.inbox, "bad.png", b"no image")
    assert watch(replace(job, once=False, today=today)) == ExitCode.DONE
    assert manifest(job)["exit_code"] == ExitCode.SOME_FAILED
    assert health(job)["state"] == "stopped"
    assert job.in_flight.code == ExitCode.DONE
    assert signal.getsignal(number) is before


def test_an_inbox_that_vanishes_is_waited_for(
    job: WatchJob, phantoms: ModuleType, said: list[str]
) -> None:
    """The watch says so, and goes on when it is back."""
    away = job.inbox.with_name("away")

    def go() -> bool:
        return paths(job) == ["a.png"] and bool(job.inbox.rename(away))

    def come_back() -> bool:
        if health(job)["state"] != "no-inbox":
            return False
        away.rename(job.inbox)
        return bool(add_image(job.inbox, "b.png", phantoms))

    add_image(job.inbox, "a.png", phantoms)
    watching = scripted(job, go, come_back, lambda: len(found(job)) == 2)
    assert watch(watching) == ExitCode.DONE
    assert paths(job) == ["a.png", "b.png"]
    assert said[1].startswith(f"waiting: expected the folder {job.inbox}, got none")
    assert said[2] == "going on"


@pytest.mark.parametrize(("disk", "asked"), [("ext4", True), ("nfs4", False)])
def test_notices_are_asked_for_where_they_tell_all(
    job: WatchJob,
    phantoms: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    disk: str,
    asked: bool,
) -> None:
    """On disks of this machine; a share, which others write to as well, is polled."""
    keep_up = []
    monkeypatch.setattr("cxr_edge.jobs.inbox.file_system", lambda _: disk)
    monkeypatch.setattr(watch_folder.Notices, "keep_up", lambda _, found: keep_up.append(found))
    monkeypatch.setattr(watch_folder, "POLLED", 0.02)
    add_image(job.inbox, "a.png", phantoms)
    watch(scripted(replace(job, poll=None), lambda: len(found(job)) == 1))
    assert bool(keep_up) is asked


def test_an_inbox_that_was_watched_before_may_be_away_at_the_start(
    job: WatchJob, tmp_path: Path
) -> None:
    """Its share is mounted later; one that was never there is a mistake."""
    watch(job)
    job.inbox.rmdir()
    replace(job)
    with pytest.raises(UsageError, match="INBOX: expected a folder"):
        replace(job, inbox=tmp_path / "inbux")


def test_a_full_disk_is_waited_for(
    job: WatchJob, phantoms: ModuleType, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are taken once there is room: each has one row, however often it was tried."""
    append = AppendLog.append
    tries = []

    def full(self: AppendLog, rows: Iterable[Sequence[str]]) -> bool:
        rows = list(rows)
        if rows[0][0] != "path":  # the header
            tries.append(rows)
        if len(tries) in (1, 2):
            self._file.write(b"half a row")
            exc = OSError(errno.ENOSPC, "No space left on device")
            raise self._unwritable(exc) from exc
        return append(self, rows)

    monkeypatch.setattr(AppendLog, "append", full)
    for name in ("a.png", "b.png"):
        add_image(job.inbox, name, phantoms)
    assert watch(scripted(job, lambda: len(found(job)) == 2)) == ExitCode.DONE
    assert sorted(paths(job)) == ["a.png", "b.png"]
    assert sum(line.startswith("waiting: the report cannot be written") for line in said) == 1
    assert said[-2:] == ["going on", "stopped"]


def test_another_error_ends_it(job: WatchJob, phantoms: ModuleType) -> None:
    """Other settings than those of the day's report are no trouble that passes."""
    add_image(job.inbox, "a.png", phantoms)
    watch(job)
    other = replace(job, session=session_of(job.session.model, "study"), once=False)
    with pytest.raises(ReportError, match=r"threshold 0\.4, now 0\.5.*another --out") as raised:
        watch(other)
    assert health(job)["problem"] == str(raised.value)
    assert health(job)["state"] == "stopped"


@pytest.mark.parametrize("inbox", ["inbox", "other"])
def test_the_files_of_a_day_are_in_one_folder(
    job: WatchJob, phantoms: ModuleType, inbox: str
) -> None:
    """Else its page and DICOM reports would not find them: another --then or inbox is refused."""
    add_image(job.inbox, "a.png", phantoms)
    watch(replace(job, move=True) if inbox == "inbox" else job)
    recorded = manifest(job)
    folder = job.inbox.with_name(inbox)
    folder.mkdir(exist_ok=True)
    with pytest.raises(ReportError, match=rf"files in .*, now {folder}.*another --out"):
        watch(replace(job, inbox=folder))
    assert manifest(job) == recorded


def test_neither_continues_the_report_of_the_other(job: WatchJob, phantoms: ModuleType) -> None:
    """A scan keeps one row for a path, a watch one for a path and its bytes."""
    add_image(job.inbox, "a.png", phantoms)
    watch(job)
    report = job.report(DAY.isoformat())
    with pytest.raises(ReportError, match=r"rows by path and sha256, now path.*with 'cxr watch'"):
        run_scan(ScanJob([job.inbox], report, job.session))
    scan = ScanJob([job.inbox], job.report(TOMORROW.isoformat()), job.session)
    run_scan(scan)
    with pytest.raises(ReportError, match="rows by path, now path and sha256"):
        watch(replace(job, today=lambda: TOMORROW))


def test_a_file_that_could_not_be_read_is_tried_again_at_once(
    job: WatchJob, phantoms: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that was away for a moment costs no row."""
    tries = []
    scan = DayWork._scan

    def unlucky(self: DayWork, items: Sequence[object]) -> object:
        if not tries:
            away = job.inbox / "a.png"
            tries.append(away.rename(job.inbox / ".away"))
            outcomes = list(scan(self, items))  # type: ignore[arg-type]
            tries[0].rename(away)
            return outcomes
        return scan(self, items)  # type: ignore[arg-type]

    monkeypatch.setattr(DayWork, "_scan", unlucky)
    add_image(job.inbox, "a.png", phantoms)
    assert watch(job) == ExitCode.DONE
    assert [row["status"] for row in found(job)] == ["ok"]


def test_a_file_that_cannot_be_read_has_a_row(
    job: WatchJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a second one only once it can be."""
    refused = True
    real_open = os.open

    def refuse(path: object, *words: object, **more: object) -> int:
        if refused and str(path).endswith("a.png"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real_open(path, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    add_file(job.inbox, "a.png", b"no image")
    for _ in range(2):
        watch(job)
    assert [row["reason"] for row in found(job)] == ["unreadable"]
    refused = False
    watch(job)
    assert [row["reason"] for row in found(job)] == ["unreadable", "not-an-image"]


@pytest.mark.parametrize(
    ("inbox", "out", "told"),
    [
        ("a", "a", "lies in the inbox"),
        ("a", "a/b", "lies in the inbox"),
        ("a/b", "a", "lies in the folder of the reports"),
        ("a", "link", "lies in the inbox"),
        ("a", "none", "make it first"),
        ("none", "a", "INBOX: expected a folder"),
        ("file", "a", "INBOX: expected a folder"),
    ],
)
def test_folders_must_be_there_and_lie_apart(
    job: WatchJob, tmp_path: Path, inbox: str, out: str, told: str
) -> None:
    """Also where a link leads; else the watch would take what it writes itself."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    with pytest.raises(UsageError, match=told):
        replace(job, inbox=tmp_path / inbox, out=tmp_path / out)


def test_one_watch_writes_to_a_folder(job: WatchJob) -> None:
    """Another one is told the number of the process, which never ends by itself."""
    watch(job)
    with (
        alone_at(job.out / HEALTH, "watch", "--out", lambda _: None),
        pytest.raises(CxrError, match=f"another watch .process {os.getpid()}.; stop it"),
    ):
        watch(job)


def test_the_health_file_tells_what_it_does(job: WatchJob, phantoms: ModuleType) -> None:
    """Counts of the day, the last file, free space, and nothing that the report does not have."""
    add_image(job.inbox, "a.png", phantoms)
    add_file(job.inbox, "bad.png", b"no image")
    (job.inbox / "link.png").symlink_to("/etc/hostname")
    watch(job)
    told = health(job)
    assert told["counts"]["rows"] == 2
    assert told["counts"]["reasons"] == {"not-an-image": 1}
    assert told["last"]["path"] == "bad.png"
    assert told["last"]["reason"] == "not-an-image"
    assert told["inbox"] == str(job.inbox)
    assert told["waiting"] == 0
    assert told["free_bytes"] > 0
    assert told["model"] == "fake"


@pytest.mark.parametrize("is_replaced", [True, False])
def test_no_row_goes_into_a_report_that_nobody_finds(
    job: WatchJob, phantoms: ModuleType, is_replaced: bool
) -> None:
    """Saved by an editor or removed meanwhile, it ends the watch, and no file is moved for it."""
    add_image(job.inbox, "a.png", phantoms)
    report = job.report(DAY.isoformat())

    def replaced() -> bool:
        if not paths(job):
            return False
        data = report.read_bytes()
        report.unlink()
        if is_replaced:
            report.write_bytes(data)
        add_image(job.inbox, "b.png", phantoms, 1)
        return True

    running = scripted(replace(job, move=True), replaced, lambda: not files(job.inbox))
    with pytest.raises(ReportError, match="while it was written; put it back"):
        watch(running)
    assert files(job.inbox) == ["b.png"]
    watch(replace(job, move=True))
    assert paths(job) == (["a.png", "b.png"] if is_replaced else ["b.png"])


def test_what_stands_in_the_folder_of_the_reports_holds_nothing_up(
    job: WatchJob, phantoms: ModuleType, said: list[str]
) -> None:
    """A pipe, a folder and a link under the names of earlier days or half-written files."""
    os.mkfifo(job.report("2026-01-28"))
    job.report("2026-01-29").symlink_to("nowhere")
    job.report("2026-01-30").mkdir()
    (job.out / ".half-folder").mkdir()
    add_image(job.inbox, "a.png", phantoms)
    assert watch(job) == ExitCode.DONE
    assert paths(job) == ["a.png"]
    assert sum("2026-01-28.csv cannot be read" in line for line in said) == 1


def test_the_health_file_is_text_whatever_the_inbox_is_called(
    job: WatchJob, tmp_path: Path
) -> None:
    """A name that is not UTF-8 is shown as in a report, and the inbox is known again."""
    inbox = (tmp_path / "inbox").rename(tmp_path / os.fsdecode(b"in\xff"))
    watch(replace(job, inbox=inbox))
    assert health(job)["inbox"].endswith("in\\udcff")
    inbox.rmdir()
    check_folders(inbox, job.out)
