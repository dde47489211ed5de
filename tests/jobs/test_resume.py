"""Reports that are continued, and those that are not."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from image_folders import write_ward
from runs import rows, session_of

from cxr_edge.errors import ReportError
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.reports.manifest import manifest_path


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_ward(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path, model: Model) -> ScanJob:
    return ScanJob([images], tmp_path / "report.csv", session_of(model, workers=1))


def forget_digest(report: Path) -> None:
    """Take the digest of the rows out of a manifest, as an earlier version wrote it."""
    path = manifest_path(report)
    fields = json.loads(path.read_text())
    del fields["digest"]
    path.write_text(json.dumps(fields))


@pytest.mark.slow
def test_cut_anywhere_the_report_is_finished_byte_for_byte(job: ScanJob) -> None:
    """Killed at any byte and started again, the report equals the undisturbed one."""
    run_scan(job)
    whole = job.out.read_bytes()
    for cut in range(0, len(whole) + 1, 13):
        job.out.write_bytes(whole[:cut])
        run_scan(job)
        assert job.out.read_bytes() == whole, f"cut at byte {cut}"


def test_another_batch_size_continues_the_report(job: ScanJob, model: Model) -> None:
    """Batches need not fall as they did: it is continued behind its last whole row."""
    run_scan(job)
    whole = job.out.read_bytes()
    ends = [end + 1 for end, byte in enumerate(whole) if byte == ord("\n")]
    for rows_kept, size in ((1, 3), (5, 2), (6, 16)):
        job.out.write_bytes(whole[: ends[rows_kept] + 20])
        result = run_scan(
            dataclasses.replace(job, session=session_of(model, batching=Batching(size)))
        )
        assert (result.continued_from, job.out.read_bytes()) == (rows_kept, whole)


def test_images_added_at_the_end_are_taken_in(job: ScanJob, images: Path, tmp_path: Path) -> None:
    """A finished report grows with its folder, to what a scan from the start gives."""
    run_scan(job)
    shutil.copy(images / "0.png", images / "z.png")
    run_scan(job)
    fresh = dataclasses.replace(job, out=tmp_path / "fresh.csv")
    run_scan(fresh)
    assert job.out.read_bytes() == fresh.out.read_bytes()


def remove(images: Path) -> None:
    (images / "0.png").unlink()


def remove_last(images: Path) -> None:
    (images / "ward" / "empty.jpg").unlink()


def rename(images: Path) -> None:
    (images / "0.png").rename(images / "00.png")


def insert(images: Path) -> None:
    shutil.copy(images / "0.png", images / "00.png")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (remove, "is gone"),
        (remove_last, "is gone"),
        (insert, "00.png is new"),
        (rename, "is new"),
    ],
)
def test_a_changed_folder_is_told(
    job: ScanJob, images: Path, change: Callable[[Path], None], said: str
) -> None:
    """A report is never continued over other files, and stays as it was."""
    run_scan(job)
    before = job.out.read_bytes()
    change(images)
    with pytest.raises(ReportError, match=f"not those of its rows: .*{said}; add"):
        run_scan(job)
    assert job.out.read_bytes() == before


def test_a_changed_threshold_is_told(job: ScanJob, model: Model) -> None:
    """The message names what was and what is; --fresh keeps the old report."""
    run_scan(job)
    before = job.out.read_bytes()
    other = dataclasses.replace(job, session=session_of(model, "study"))
    with pytest.raises(
        ReportError,
        match=r"other settings \(threshold 0\.4, now 0\.5\); use 'cxr relabel'.*--fresh",
    ):
        run_scan(other)
    run_scan(dataclasses.replace(other, fresh=True))
    assert job.out.with_suffix(".old-1.csv").read_bytes() == before
    assert {row["threshold"] for row in rows(job.out)} == {"0.500000", ""}


def test_rows_of_another_scan_are_told(job: ScanJob) -> None:
    """Also where the manifest is not the one that was written with them."""
    run_scan(job)
    forget_digest(job.out)
    whole = job.out.read_bytes()
    for old, new in ((b",0.400000,", b",0.300000,"), (job.session.model.tag.encode(), b"other@0")):
        job.out.write_bytes(whole.replace(old, new))
        with pytest.raises(
            ReportError, match=r"other settings \((threshold 0\.3|model other@0).*, now"
        ):
            run_scan(job)


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
    read: list[str] = []
    monkeypatch.setattr("cxr_edge.jobs.resume._MOST", 5)
    monkeypatch.setattr(
        "cxr_edge.jobs.resume.read_file",
        lambda where, _storage: read.append(where) or Path(where).read_bytes(),
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
    with pytest.raises(ReportError, match=r"0\.png, 1\.png and 2\.png differ from the files in"):
        run_scan(dataclasses.replace(job, paths=[other]))


@pytest.mark.slow
def test_the_command_names_changed_files(
    cxr: Callable[..., Any], images: Path, tmp_path: Path
) -> None:
    """On the terminal too."""
    out = tmp_path / "r.csv"
    cxr("scan", images, "--out", out)
    change(images / "4.png", out)
    said = cxr("scan", images, "--out", out).output
    changed = (
        "1 file has changed since it was scanned (first: 4.png); --retry-failed scans it again"
    )
    assert changed in said
    said = cxr("scan", images, "--out", out, "--retry-failed").output
    assert "taken over from r.old-1.csv" in said
    assert "has changed" not in cxr("scan", images, "--out", out).output


def test_a_report_without_failures_is_started_over(
    cxr: Callable[..., Any], images: Path, tmp_path: Path
) -> None:
    """A retry has nothing to do there, so the summary advises the option that helps."""
    out = tmp_path / "r.csv"
    films = tmp_path / "good"
    films.mkdir()
    for number in range(3):
        shutil.copy(images / f"{number}.png", films)
    command = ("scan", films, "--runtime", "onnx", "--out", out)
    cxr(*command)
    change(films / "2.png", out)
    assert "(first: 2.png); --fresh scans everything again" in cxr(*command).output
