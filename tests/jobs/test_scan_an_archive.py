"""A scan of an archive gives the report of a scan of the folder that it unpacks to."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from image_folders import write_dicoms, write_mixed
from runs import rows, session_of

from cxr_edge.jobs.html_report import PageJob, write_html
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.sr_job import SrJob, write_objects
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.storage.archive import close_archives

FORMATS = {"zip": "films.zip", "tar": "films.tar", "gztar": "films.tar.gz"}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    """A folder with images, what fails and what is skipped, and its archives beside it."""
    folder = write_mixed(tmp_path_factory.mktemp("archives") / "films", phantoms)
    write_dicoms(folder / "dicom", phantoms)
    (folder / ".hidden.png").touch()
    (folder / "b" / "old.tar").touch()
    (folder / "no").mkdir()
    for kind in FORMATS:
        shutil.make_archive(str(folder), kind, folder)
    return folder


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_archives()


@pytest.fixture
def job(films: Path, tmp_path: Path, model: Model) -> ScanJob:
    session = session_of(model, batching=Batching(4), workers=2)
    return ScanJob([films], tmp_path / "folder.csv", session)


@pytest.mark.parametrize("name", FORMATS.values())
def test_the_report_is_that_of_the_folder(job: ScanJob, films: Path, name: str) -> None:
    """Byte for byte, with the same counts of what was skipped."""
    of_folder = run_scan(job)
    of_archive = run_scan(archived := replace(job, paths=[films.with_name(name)],
                                              out=job.out.with_name("archive.csv")))  # fmt: skip
    assert archived.out.read_bytes() == job.out.read_bytes()
    assert of_archive.skipped == of_folder.skipped == {"other": 2, "hidden": 1, "packed": 1}
    assert of_archive.first_lost == of_folder.first_lost


@pytest.mark.parametrize("name", FORMATS.values())
def test_a_report_is_continued(job: ScanJob, films: Path, name: str) -> None:
    """From wherever its run was ended."""
    job = replace(job, paths=[films.with_name(name)])
    run_scan(job)
    whole, manifest = job.out.read_bytes(), manifest_path(job.out)
    job.out.write_bytes(b"".join(whole.splitlines(keepends=True)[:9]))
    manifest.write_text(manifest.read_text().replace('"finished": true', '"finished": false'))
    close_archives()
    assert run_scan(job).changed == 0
    assert job.out.read_bytes() == whole


def test_what_a_scan_leads_to_works(job: ScanJob, films: Path, tmp_path: Path) -> None:
    """Failed files are quarantined; pages have pictures; DICOM objects are made."""
    bad = tmp_path / "bad"
    job = replace(job, paths=[films.with_name("films.zip")], quarantine=bad)
    run_scan(job)
    assert (bad / "files/b/bad.png").read_bytes() == (films / "b/bad.png").read_bytes()
    page = tmp_path / "report.html"
    assert not [lack for lack in write_html(PageJob(job.out, page)).lacks if "not found" in lack]
    assert page.read_text().count("data:image/jpeg") > 10


def test_objects_of_dicom_are_made(job: ScanJob, films: Path, tmp_path: Path) -> None:
    """They refer to the images as those of a folder do."""
    pytest.importorskip("highdicom", reason="needs the extra 'pacs'")
    made = []
    for path in (films, films.with_name("films.tar.gz")):
        one = replace(job, paths=[path], out=tmp_path / f"{path.name}.csv")
        run_scan(one)
        objects = write_objects(SrJob(one.out, tmp_path / f"{path.name}-sr")).objects
        made.append((objects.reports, dict(objects.failed), len(rows(one.out))))
    assert made[0] == made[1]
    assert made[0][0] > 1
