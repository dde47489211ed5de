"""DICOM structured reports of a whole report."""

import dataclasses
import json
import os
import shutil
from io import BytesIO
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from heat_model import HeatRuntime
from image_folders import write_dicoms
from pydicom import dcmread
from runs import rows, session_of

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.imaging.heat_map_file import heat_map_path
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.sr_job import SrJob, write_objects
from cxr_edge.models.model import Model
from cxr_edge.reports.heat_maps import HeatMapFolder, Wanted
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.spec.model_spec import ModelSpec

LOST = "the image is not where it was scanned"
CHANGED = "the image has changed since it was scanned"
OTHER_BYTES = "another image has its SOP Instance UID, but other bytes"


@pytest.fixture
def scanned(tmp_path: Path, phantoms: ModuleType, spec: ModelSpec) -> ScanJob:
    """A scan with heat maps of seven images, and two files that fail.

    Five are DICOM; two of them have one UID, and a third is a copy of the first of these.
    """
    images = write_dicoms(tmp_path / "films", phantoms)
    session = session_of(Model("cd" * 32, "onnx", HeatRuntime(spec)), workers=1)
    place = tmp_path / "maps"
    maps = HeatMapFolder(place, session.model, session.decision, Wanted.parse("all"))
    job = ScanJob([images], tmp_path / "report.csv", session, heat_maps=maps)
    run_scan(job)
    return job


@pytest.fixture
def job(scanned: ScanJob) -> SrJob:
    return SrJob(scanned.out, scanned.out.with_name("sr"))


def files(job: SrJob) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in job.out.iterdir()}


def test_every_image_has_one_report_which_refers_to_it(job: SrJob) -> None:
    """A copy needs none of its own; two images that claim to be one are told, not mixed up."""
    objects = write_objects(job).objects
    assert (objects.reports, objects.copies, objects.kept) == (3, 1, 0)
    assert (objects.no_dicom, objects.failed_in_scan) == (2, 2)
    assert objects.failed == {OTHER_BYTES: 1}
    (told,) = objects.first_failed
    assert told == (
        "b/1.dcm: b/0.dcm has the same SOP Instance UID, but other bytes, and got the report"
    )
    films = job.report.parent / "films" / "b"
    sources = {dcmread(films / f"{number}.dcm").SOPInstanceUID for number in (0, 2, 3)}
    referred = set()
    for name, data in files(job).items():
        report = dcmread(BytesIO(data))
        assert name == f"{report.SOPInstanceUID}.dcm"
        series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
        referred.add(series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
    assert referred == sources


def test_a_second_run_writes_nothing(job: SrJob) -> None:
    """What is there and equal stays; what a killed run left half-written goes."""
    write_objects(job)
    before = files(job)
    times = {path: path.stat().st_mtime_ns for path in job.out.iterdir()}
    (job.out / ".half-0123.dcm").write_bytes(b"half")
    gone = next(iter(before))
    (job.out / gone).unlink()
    objects = write_objects(job).objects
    assert (objects.reports, objects.kept) == (3, 2)
    assert files(job) == before
    assert all(path.stat().st_mtime_ns == time for path, time in times.items() if path.name != gone)


def test_images_that_are_not_those_that_were_scanned_are_told(job: SrJob) -> None:
    """Missing, changed, or of a folder that moved; and found again with --images."""
    films = job.report.parent / "films"
    (films / "b" / "2.dcm").unlink()
    shutil.copy(films / "b" / "0.dcm", films / "b" / "3.dcm")
    objects = write_objects(job).objects
    assert objects.failed == {LOST: 1, CHANGED: 1, OTHER_BYTES: 1}
    assert objects.first_failed[1:] == [f"b/2.dcm: {LOST}", f"b/3.dcm: {CHANGED}"]
    shutil.move(films, films.with_name("archive"))
    with pytest.raises(UsageError, match=r"films was scanned, and is not there any more.*--images"):
        write_objects(job)
    moved = dataclasses.replace(job, images=[films.with_name("archive")])
    assert write_objects(moved).objects.kept == 1


def test_hostile_names_have_their_reports(job: SrJob, scanned: ScanJob) -> None:
    """Bytes that are no UTF-8, a line break, a formula and a long name: the file is found again."""
    films = job.report.parent / "films"
    for number, name in enumerate((b"=1+1\xff\n.dcm", b"n" * 251 + b".dcm")):
        target = os.fsencode(films) + b"/" + name
        (films / "b" / f"{2 + number}.dcm").rename(os.fsdecode(target))
    run_scan(dataclasses.replace(scanned, fresh=True))
    objects = write_objects(dataclasses.replace(job, heat_maps=films.with_name("maps"))).objects
    assert (objects.reports, objects.captures) == (3, 3)
    assert objects.failed == {OTHER_BYTES: 1}


def test_heat_maps_become_pictures(job: SrJob) -> None:
    """Those of the same image, model and threshold; each belongs to the study of its image."""
    with_maps = dataclasses.replace(job, heat_maps=job.report.with_name("maps"))
    place = heat_map_path(job.report.with_name("maps"), "b/2.dcm")
    other = heat_map_path(job.report.with_name("maps"), "b/3.dcm")
    other.write_bytes(place.read_bytes())
    objects = write_objects(with_maps).objects
    assert (objects.reports, objects.captures) == (3, 2)
    assert objects.failed["its heat map is of another image, model or threshold"] == 1
    found = [dcmread(BytesIO(data)) for data in files(job).values()]
    captures = [one for one in found if one.Modality == "OT"]
    studies = {one.StudyInstanceUID for one in found if one.Modality == "SR"}
    assert len(captures) == 2
    assert {one.StudyInstanceUID for one in captures} <= studies

    blue_first = cv2.imread(str(place))
    assert any(
        one.pixel_array.shape == blue_first.shape
        and np.array_equal(one.pixel_array, blue_first[:, :, ::-1])
        for one in captures
    )
    place.unlink()
    assert write_objects(with_maps).objects.captures == 1  # without one there is no picture


def test_a_file_of_somebody_else_stays(job: SrJob) -> None:
    """An older object of the same UID is replaced, anything else is not."""
    write_objects(job)
    first, second, _ = sorted(files(job))
    old = dcmread(job.out / first)
    old.SeriesDescription = "older"
    old.save_as(job.out / first)
    (job.out / second).write_text("theirs")
    objects = write_objects(job).objects
    assert objects.failed["its place in the folder is taken by a file of others"] == 1
    assert (job.out / second).read_text() == "theirs"
    assert dcmread(job.out / first).SeriesDescription != "older"


def test_what_cannot_work_is_refused(job: SrJob, tmp_path: Path, model: Model) -> None:
    """No manifest, no place known, no DICOM, a folder that would be scanned; nothing is written."""
    inside = job.report.parent / "films" / "sr"
    with pytest.raises(UsageError, match=r"--out: .* is inside .*so its files would be scanned"):
        write_objects(dataclasses.replace(job, out=inside))
    with pytest.raises(UsageError, match=r"expected a folder, but .* is a file"):
        write_objects(dataclasses.replace(job, out=job.report.with_name("report.run.json")))
    raster = tmp_path / "raster"
    raster.mkdir()
    shutil.copy(job.report.parent / "films" / "0.png", raster)
    plain = ScanJob([raster], tmp_path / "plain.csv", session_of(model, workers=1))
    run_scan(plain)
    with pytest.raises(UsageError, match=r"expected scored DICOM images.* has none of them"):
        write_objects(dataclasses.replace(job, report=plain.out))
    manifest = json.loads(manifest_path(job.report).read_text())
    for change, kind, message in (
        ({"roots": {}}, UsageError, "does not say which folder was scanned; name it with --images"),
        ({"manifest_version": 99}, ReportError, "by a newer version"),
        ({"identity": {}}, ReportError, "its identity is not that of a scan"),
    ):
        manifest_path(job.report).write_text(json.dumps(manifest | change))
        with pytest.raises(kind, match=message):
            write_objects(job)
    manifest_path(job.report).unlink()
    with pytest.raises(ReportError, match=r"report.run.json is missing"):
        write_objects(job)
    assert not job.out.exists()
    assert len(rows(job.report)) == 9


def test_a_scan_that_is_not_finished_says_so(job: SrJob) -> None:
    """Reports are made of the rows that there are."""
    manifest = json.loads(manifest_path(job.report).read_text())
    manifest_path(job.report).write_text(json.dumps(manifest | {"exit_code": 130}))
    result = write_objects(job)
    assert not result.is_finished
    assert result.objects.reports == 3


def test_an_image_whose_name_was_taken_is_found_by_its_bytes(job: SrJob, tmp_path: Path) -> None:
    """A watch moves it to a numbered name beside the file that had the name first."""
    before = write_objects(job).objects.reports
    shutil.rmtree(job.out)
    image = next((tmp_path / "films").rglob("*.dcm"))
    image.rename(image.with_name(f"{image.stem}.3.dcm"))
    for name in (image.name, f"{image.stem}.2.dcm"):
        image.with_name(name).write_bytes(b"another")
    assert write_objects(job).objects.reports == before
