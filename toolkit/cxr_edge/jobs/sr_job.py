"""A report as DICOM: a structured report on each image, and pictures of their heat maps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.imaging.sniff import Format
from cxr_edge.jobs.source_report import require_report
from cxr_edge.notice import RESEARCH_USE
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.pipeline.roots import file_of, named_roots
from cxr_edge.reports.append_log import read_rows
from cxr_edge.reports.check_place import check_folder
from cxr_edge.reports.check_rows import check_rows
from cxr_edge.reports.csv_report import prediction_of, shown, source_kind
from cxr_edge.reports.dicom_folder import DicomFolder, Objects
from cxr_edge.reports.dicom_sr import Run
from cxr_edge.reports.made_with import MadeWith, damaged
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.run_manifest import roots_of
from cxr_edge.storage.atomic import remove_half_written
from cxr_edge.system.printable import unescaped
from cxr_edge.system.progress import track
from cxr_edge.system.ranges import SHARE

_SOURCE: Final = source_kind("written as DICOM")
"""Kind of the report that is read."""


@dataclass(frozen=True)
class SrJob:
    """A report, and the folder of the DICOM objects that are to be made of it."""

    report: Path
    """Path of the report."""
    out: Path
    """Folder of the objects."""
    images: Sequence[str | Path] = ()
    """Folders and files that were scanned, where they are now; none for those of the manifest."""
    heat_maps: Path | None = None
    """Folder of heat maps that a scan drew, of which pictures are made."""


@dataclass(frozen=True)
class SrResult:
    """The end of a job."""

    objects: Objects
    """Counts of the objects."""
    is_finished: bool
    """Whether the report has a row for every file."""


def write_objects(job: SrJob) -> SrResult:
    """Write a structured report on each scored DICOM image of a report.

    The same report and images give the same bytes, however often. Objects that are there stay.

    Parameters
    ----------
    job
        Report and folder.

    Returns
    -------
    SrResult
        Counts of what was made, and of what could not be made.

    Raises
    ------
    UsageError
        The path is no report, or one without DICOM images; the images are nowhere; or the folder
        cannot be where it is to be.
    ReportError
        The report was edited or cannot be read, its manifest is missing or damaged, or the folder
        cannot be written to.
    """
    require_report(_SOURCE, job.report)
    recorded = _SOURCE.recorded(job.report)
    run = _run(job.report, recorded)
    marks = check_rows(_SOURCE, job.report, recorded.digest, is_finished=recorded.finished)
    objects = Objects()
    total = _count(job.report, objects)
    roots = _roots(job, recorded)
    places = [unescaped(where) for where in roots.values()]
    check_folder("--out", job.out, places, job.report, "files")
    folder = DicomFolder(job.out, run, job.heat_maps, objects)
    try:
        job.out.mkdir(parents=True, exist_ok=True)
        remove_half_written(job.out)
        for found in track(_scored(job.report), "writing DICOM objects", total):
            folder.write(found, file_of(found.path, roots))
    except OSError as exc:
        raise ReportError(
            f"{job.out} cannot be written to: {exc.strerror or exc}; make room, and run the same "
            "command again"
        ) from exc
    return SrResult(objects, recorded.finished and marks.rows >= recorded.rows)


def _run(report: Path, recorded: Recorded) -> Run:
    band = recorded.identity.get("review_band", [])
    if not isinstance(band, list) or not all(limit in SHARE for limit in band):
        raise damaged(_SOURCE, manifest_path(report))
    notice = recorded.fields.get("notice")
    started = datetime.fromisoformat(recorded.report_started)
    return Run(
        MadeWith.of(_SOURCE, report, recorded),
        review_band=" to ".join(map(shown, band)),
        version=recorded.version or "of an unknown version",
        started=started.astimezone().replace(tzinfo=None, microsecond=0),
        notice=notice if isinstance(notice, str) and notice.isprintable() else RESEARCH_USE,
    )


def _roots(job: SrJob, recorded: Recorded) -> Mapping[str, str]:
    """Return where the images are."""
    if job.images:
        return named_roots(job.images)
    roots = roots_of(recorded)
    if not roots:
        raise UsageError(
            f"the manifest of {job.report} does not say which folder was scanned; name it with "
            "--images"
        )
    for prefix, where in roots.items():
        root = file_of(prefix, roots)
        if root is None or not root.is_there():
            raise UsageError(
                f"{where} was scanned, and is not there any more; name its new place with --images"
            )
    return roots


def _count(report: Path, objects: Objects) -> int:
    """Return how many scored DICOM images there are, and count the other rows.

    Raises
    ------
    UsageError
        There are none.
    """
    found = 0
    for row in _rows(report):
        if row["status"] != "ok":
            objects.failed_in_scan += 1
        elif row["format"] != Format.DICOM:
            objects.no_dicom += 1
        else:
            found += 1
    if not found:
        raise UsageError(
            f"REPORT: expected scored DICOM images, to which DICOM reports refer; {report} has "
            "none of them"
        )
    return found


def _scored(report: Path) -> Iterator[Prediction]:
    """Yield the results of the DICOM images, by the path that they have in the report."""
    for number, row in enumerate(_rows(report), start=1):
        if row["status"] == "ok" and row["format"] == Format.DICOM:
            found = prediction_of(row, row["path"])
            if found is None:
                raise _SOURCE.not_as_written(report, number, list(row.values()))
            yield found


def _rows(report: Path) -> Iterator[dict[str, str]]:
    rows = read_rows(_SOURCE, report)
    next(rows, None)  # the header
    return (_SOURCE.named(row) for row, _ in rows)
