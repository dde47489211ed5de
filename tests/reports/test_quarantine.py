"""The folder for files that fail."""

import csv
import dataclasses
from pathlib import Path
from types import ModuleType

import pytest
from image_folders import write_ward
from runs import session_of

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.reports.quarantine import FILES, LIST, check_quarantine


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_ward(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path, model: Model) -> ScanJob:
    return ScanJob([images], tmp_path / "report.csv", session_of(model, workers=1))


def test_what_fails_is_quarantined(job: ScanJob, images: Path, tmp_path: Path) -> None:
    """Copies and a list, the same after a run that was cut short."""
    place = tmp_path / "bad"
    job = dataclasses.replace(job, quarantine=place)
    run_scan(job)
    for path in ("5a.png", "ward/bad, name.png", "ward/empty.jpg"):
        copy = place / FILES / path
        assert copy.read_bytes() == (images / path).read_bytes()
        assert not copy.samefile(images / path)
    listed = (place / LIST).read_bytes()
    rows = list(csv.DictReader(listed.decode().splitlines()))
    assert [row["reason"] for row in rows] == ["not-an-image", "not-an-image", "empty-file"]
    job.out.write_bytes(job.out.read_bytes()[:-200])
    run_scan(job)
    assert (place / LIST).read_bytes() == listed


def test_any_name_and_what_cannot_be_read_is_listed(
    job: ScanJob, images: Path, tmp_path: Path
) -> None:
    """The longest names, one like the list's, and a file that nobody may read end no scan."""
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


def test_a_quarantined_file_may_be_mended(job: ScanJob, images: Path, tmp_path: Path) -> None:
    """It is a copy: whoever writes into it leaves the original as it is."""
    run_scan(dataclasses.replace(job, quarantine=tmp_path / "bad"))
    (tmp_path / "bad" / FILES / "5a.png").write_text("mended")
    assert (images / "5a.png").read_text() == "no image"


def test_a_file_that_cannot_be_quarantined_is_named_printably(
    job: ScanJob, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name cannot act on the terminal; what was copied of it does not stay."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (images / "\x1b[2J.png").write_text("no image")
    (images / "5a.png").unlink()
    monkeypatch.setattr("cxr_edge.reports.quarantine.shutil.copyfileobj", full)
    with pytest.raises(ReportError, match=r"/\\x1b\[2J\.png cannot be written: No space left"):
        run_scan(dataclasses.replace(job, quarantine=tmp_path / "bad"))
    assert not list((tmp_path / "bad" / FILES).iterdir())


def test_a_quarantine_among_the_images_is_refused(images: Path, tmp_path: Path) -> None:
    """Its copies would be scanned again."""
    report = tmp_path / "bad" / "report.csv"
    check_quarantine(tmp_path / "bad", [images], report)
    for place in (images, images / "bad"):
        with pytest.raises(UsageError, match="choose a folder outside of it"):
            check_quarantine(place, [images], report)
    with pytest.raises(UsageError, match="expected a folder"):
        check_quarantine(images / "0.png", [tmp_path / "other"], report)


@pytest.mark.parametrize("name", [LIST, f"{FILES}/report.csv"])
def test_a_quarantine_does_not_replace_the_report(images: Path, tmp_path: Path, name: str) -> None:
    """A report that has the name of the list, or of a copy, is refused before it is written."""
    with pytest.raises(UsageError, match="would replace the report"):
        check_quarantine(tmp_path / "bad", [images], tmp_path / "bad" / name)
