"""What a scan sees to besides the images: locks, folders that go, files that change, quarantine."""

import csv
import dataclasses
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.failure_limit import FailureLimit
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.source_folders import SourceFolders
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import RunManifest, manifest_path
from cxr_edge.reports.observer import Unobserved
from cxr_edge.reports.quarantine import FILES, LIST, check_quarantine
from cxr_edge.storage.lock import lock_path


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    """Eight images and three files that are none."""
    folder = tmp_path / "films"
    (folder / "ward").mkdir(parents=True)
    for number in range(8):
        image = phantoms.to_8_bits(phantoms.phantom(number, opacities=1, size=64))
        cv2.imwrite(str(folder / f"{number}.png"), image)
    (folder / "5a.png").write_text("no image")
    (folder / "ward" / "bad, name.png").write_text("no image")
    (folder / "ward" / "empty.jpg").touch()
    return folder


@pytest.fixture
def job(images: Path, tmp_path: Path, model: Model) -> ScanJob:
    return ScanJob([images], tmp_path / "report.csv", model, Decision.of(model.spec), workers=1)


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    """Another process is refused while it lasts; a file that was left behind refuses nobody."""
    out = tmp_path / "report.csv"
    script = (
        "import sys; from pathlib import Path\n"
        "from cxr_edge.reports.csv_report import REPORT\n"
        "with REPORT.alone_at(Path(sys.argv[1])): pass"
    )
    try_it = [sys.executable, "-c", script, str(out)]
    with REPORT.alone_at(out):
        assert subprocess.run(try_it, capture_output=True, check=False).returncode == 1
    lock_path(out).touch()
    assert subprocess.run(try_it, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["uv.csv", "x.lock"])
def test_a_lock_takes_no_other_file(tmp_path: Path, name: str) -> None:
    """Neither one beside the report, nor the report, nor one in the lock's place."""
    out = tmp_path / name
    own = [tmp_path / "uv.lock", out, lock_path(out)]
    for path in own:
        path.write_text("somebody's")
    with REPORT.alone_at(out):
        pass
    assert {path.read_text() for path in own} == {"somebody's"}


def test_another_users_lock_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can be read, but neither written nor removed, as where a folder is shared."""
    out = tmp_path / "report.csv"
    lock_path(out).touch()
    real = os.open

    def refuse(path: Path, flags: int, *mode: int) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *mode)

    def stays(_path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(Path, "unlink", stays)
    again = pytest.raises(ReportError, match="being written")
    with REPORT.alone_at(out), again, REPORT.alone_at(out):
        pass
    with REPORT.alone_at(out):
        pass


def test_a_file_system_without_locks_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have none."""

    def none(_handle: int, _how: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    with REPORT.alone_at(tmp_path / "report.csv"):
        pass


def test_a_folder_that_goes_stops_the_scan(job: ScanJob, images: Path, tmp_path: Path) -> None:
    """Its files do not become failed rows, and once it is back the report is finished."""
    run_scan(job)
    whole = job.out.read_bytes()
    kept = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    job.out.write_bytes(whole[:kept])
    away = tmp_path / "away"

    class Unplugs(Unobserved):
        def begun(self, manifest: RunManifest) -> None:
            super().begun(manifest)
            images.rename(away)

    with pytest.raises(ReportError, match="is no longer available"):
        run_scan(job, Unplugs())
    assert job.out.read_bytes() == whole[:kept]
    away.rename(images)
    run_scan(job)
    assert job.out.read_bytes() == whole


def test_an_unmounted_folder_is_another_one(tmp_path: Path) -> None:
    """A mount point stays when the disk goes, but it is not the same folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    folders = SourceFolders.of([folder, tmp_path / "film.png"])
    folders.check_all()
    folder.rename(tmp_path / "kept")
    folder.mkdir()
    with pytest.raises(ReportError, match="disk is no longer available"):
        folders.check_all()


def change(image: Path, later_than: Path) -> None:
    """Give an image other pixels and a later time."""
    gray = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(image), 255 - np.asarray(gray))
    later = later_than.stat().st_mtime + 3600
    os.utime(image, (later, later))


def test_files_changed_since_their_row_are_told(job: ScanJob, images: Path) -> None:
    """Their rows are of the older bytes; one that has a later time alone is not among them."""
    run_scan(job)
    change(images / "4.png", job.out)
    os.utime(images / "5.png", (9e9, 9e9))
    manifest = run_scan(job)
    assert (manifest.changed, manifest.first_changed) == (1, ["4.png"])
    assert run_scan(dataclasses.replace(job, fresh=True)).changed == 0


def test_not_all_files_are_read_again(
    job: ScanJob, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many seem newer, as where clocks differ, a report is continued after so many."""
    run_scan(job)
    for image in images.glob("*.png"):
        os.utime(image, (9e9, 9e9))
    read: list[Path] = []
    monkeypatch.setattr("cxr_edge.jobs.resume._MOST", 5)
    monkeypatch.setattr(
        "cxr_edge.jobs.resume.read_file", lambda path: read.append(path) or path.read_bytes()
    )
    assert run_scan(job).changed == 0
    assert len(read) == 5


def test_other_images_of_the_same_names_are_refused(
    job: ScanJob, images: Path, tmp_path: Path
) -> None:
    """A report of one folder is not taken for that of another, whatever the times of its files."""
    run_scan(job)
    other = tmp_path / "other"
    shutil.copytree(images, other)
    for image in other.glob("[0-2].png"):
        change(image, job.out)
        os.utime(image, (1e9, 1e9))
    with pytest.raises(ReportError, match=r"0\.png, 1\.png, 2\.png have other bytes"):
        run_scan(dataclasses.replace(job, paths=[other]))


def test_the_command_tells_of_changed_files(
    cxr: Callable[..., Any], images: Path, tmp_path: Path
) -> None:
    """On the terminal too."""
    out = tmp_path / "r.csv"
    cxr("scan", images, "--out", out)
    change(images / "4.png", out)
    said = cxr("scan", images, "--out", out).output
    assert "changed since their row was written: 1 files, the first: 4.png" in said


def test_what_fails_is_quarantined(job: ScanJob, images: Path, tmp_path: Path) -> None:
    """Links and a list, the same after a run that was cut short."""
    place = tmp_path / "bad"
    job = dataclasses.replace(job, quarantine=place)
    run_scan(job)
    for path in ("5a.png", "ward/bad, name.png", "ward/empty.jpg"):
        assert (place / FILES / path).samefile(images / path)
    listed = (place / LIST).read_bytes()
    rows = list(csv.DictReader(listed.decode().splitlines()))
    assert [row["reason"] for row in rows] == ["not-an-image", "not-an-image", "empty-file"]
    job.out.write_bytes(job.out.read_bytes()[:-200])
    run_scan(job)
    assert (place / LIST).read_bytes() == listed


def test_any_name_and_what_cannot_be_read_is_listed(
    job: ScanJob, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest names, one like the list's, and a file that nobody may read end no scan."""
    monkeypatch.setattr(os, "link", lambda *_: Path("/nowhere/at/all").stat())
    names = {"q" * 251 + ".png", "quarantine.csv.png"}
    for name in names:
        (images / name).write_text("no image")
    (images / "gone.png").symlink_to("nowhere")
    place = tmp_path / "bad"
    manifest = run_scan(dataclasses.replace(job, quarantine=place))
    assert names < {path.name for path in (place / FILES).iterdir()}
    rows = list(csv.DictReader((place / LIST).read_text().splitlines()))
    assert len(rows) == manifest.counts.failed == 6
    assert "gone.png" in {row["path"] for row in rows}


def test_where_links_cannot_be_made_copies_are(
    job: ScanJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on another disk."""

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    run_scan(dataclasses.replace(job, quarantine=tmp_path / "bad"))
    assert (tmp_path / "bad" / FILES / "5a.png").read_text() == "no image"


def test_a_file_that_cannot_be_quarantined_is_named_printably(
    job: ScanJob, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name cannot act on the terminal; what was copied of it does not stay."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (images / "\x1b[2J.png").write_text("no image")
    (images / "5a.png").unlink()
    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr("cxr_edge.reports.quarantine.shutil.copyfileobj", full)
    with pytest.raises(ReportError, match=r"/\\x1b\[2J\.png cannot be written: No space left"):
        run_scan(dataclasses.replace(job, quarantine=tmp_path / "bad"))
    assert not list((tmp_path / "bad" / FILES).iterdir())


def test_a_quarantine_among_the_images_is_refused(images: Path, tmp_path: Path) -> None:
    """What it holds would be scanned again."""
    check_quarantine(tmp_path / "bad", [images])
    for place in (images, images / "bad"):
        with pytest.raises(UsageError, match="expected a folder outside of"):
            check_quarantine(place, [images])
    with pytest.raises(UsageError, match="expected a folder"):
        check_quarantine(images / "0.png", [tmp_path / "other"])


@pytest.mark.parametrize(
    ("text", "failed", "rows", "stops"),
    [("0", 1, 1, True), ("3", 3, 9, False), ("3", 4, 9, True), ("5%", 9, 99, False),
     ("5%", 5, 100, False), ("5%", 6, 100, True), ("100%", 500, 500, False)],
)  # fmt: skip
def test_failures_are_allowed_by_number_or_share(
    text: str, failed: int, rows: int, stops: bool
) -> None:
    """A share is looked at from the hundredth file on."""
    counts = Counts(rows=rows, failed=failed)
    if stops:
        with pytest.raises(ReportError, match=f"{failed} of {rows} files failed"):
            FailureLimit(text).check(counts)
    else:
        FailureLimit(text).check(counts)


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "101%", "many"])
def test_other_allowances_are_refused(text: str) -> None:
    """The message shows what would do."""
    with pytest.raises(UsageError, match="such as 5%"):
        FailureLimit(text)


def test_rows_are_on_the_disk_every_few_seconds(
    job: ScanJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is synced while it is written, and when it is closed."""
    synced: list[int] = []
    clock: Iterator[float] = iter(float(second) for second in range(1000))
    monkeypatch.setattr("cxr_edge.reports.append_log.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    run_scan(job)
    assert synced.count(job.out.stat().st_ino) >= 2


def test_the_manifest_names_the_process_while_it_runs(job: ScanJob) -> None:
    """So that whoever waits for the report knows for whom."""

    class Looks(Unobserved):
        def begun(self, manifest: RunManifest) -> None:
            assert manifest.pid == os.getpid()
            assert f'"pid": {os.getpid()}' in manifest_path(job.out).read_text()

    assert run_scan(job, Looks()).pid is None
    assert '"pid": null' in manifest_path(job.out).read_text()
