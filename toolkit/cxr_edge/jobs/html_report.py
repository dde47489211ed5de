"""A report as an HTML page: its rows and manifest, the model that made it, and its images."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from cxr_edge.errors import CxrError, ReportError, UsageError
from cxr_edge.jobs.source_report import require_report, spec_of_report
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.locate import DEFAULT, default_package, identified_spec, read_spec_file
from cxr_edge.pipeline.roots import named_roots
from cxr_edge.reports.check_rows import check_rows
from cxr_edge.reports.csv_report import source_kind
from cxr_edge.reports.distribution_shift import DistributionShift
from cxr_edge.reports.html.album import Album
from cxr_edge.reports.html.facts import facts_of
from cxr_edge.reports.html.missing_pictures import missing_heat_maps, missing_images
from cxr_edge.reports.html.page import unwritable, write_page
from cxr_edge.reports.html.pictures import Pictures
from cxr_edge.reports.html.worklist import Worklist
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.run_manifest import roots_of, spec_file_of
from cxr_edge.reports.sink import RunResult
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.on_input_check import OnInputCheck

PICTURES: Final = 500
"""Images that get pictures unless another number is asked for."""

_SOURCE: Final = source_kind("shown")
"""Kind of the report that is read."""

_SHOWN_IN_PART: Final = source_kind("shown in full")
"""The same, for a manifest without which the rows are shown all the same."""


@dataclass(frozen=True)
class PageJob:
    """A report, and the page that is to be made of it."""

    report: Path
    """Path of the report."""
    out: Path
    """Path of the page; an existing one is replaced."""
    pictures: int = PICTURES
    """Images that get pictures, the first of the worklist."""
    images: Sequence[str | Path] = ()
    """Folders and files that were scanned, where they are now; none for those of the manifest."""
    heat_maps: Path | None = None
    """Folder of heat maps, by :func:`cxr_edge.imaging.heat_map_file.heat_map_path`."""
    model: str | None = None
    """Model that the report was made with; None looks whether it is the default one."""
    spec: Path | None = None
    """Spec of a model that carries none."""


@dataclass(frozen=True)
class PageSink:
    """The sink that makes a page of a report when its run ends, however that was."""

    job: PageJob
    """Report and page."""
    spec: ModelSpec
    """Spec of the model."""

    def begin(self, manifest: Manifest) -> None:
        """Do nothing: the page is made of the whole report."""

    def write(self, outcomes: Sequence[object]) -> None:
        """Do nothing."""

    def close(self, result: RunResult) -> None:
        """Write the page; of a run that was stopped with what there is, and without pictures.

        Raises
        ------
        ReportError
            The run finished, and the page cannot be written.
        """
        if result.error is None:
            write_html(self.job, self.spec)
            return
        with suppress(CxrError):  # the run's own error is told
            write_html(replace(self.job, pictures=0), self.spec)


def check_source(report: Path) -> None:
    """Refuse a path that is no report; raises as :func:`~.source_report.require_report`."""
    require_report(_SOURCE, report)


@dataclass(frozen=True)
class Written:
    """A page that was written."""

    worklist: Worklist
    """Rows that it shows."""
    lacks: list[str]
    """Sentences on what it lacks, and why, which it has at its top too."""


def write_html(job: PageJob, spec: ModelSpec | None = None) -> Written:
    """Write the page of a report.

    Parameters
    ----------
    job
        Report and page.
    spec
        Spec of the model that it was made with, where it is open already.

    Returns
    -------
    Written
        What the page shows, and what it lacks.

    Raises
    ------
    UsageError
        The path is no report, or the model or the spec is not the one that it was made with.
    ReportError
        The report was edited or cannot be read, or the page cannot be written.
    """
    check_source(job.report)
    lacks: list[str] = []
    recorded = _recorded(job, lacks)
    spec = spec or _spec(job, recorded, lacks)
    worklist = _worklist(job.report, recorded, spec)
    roots = named_roots(job.images) if job.images else roots_of(recorded) if recorded else {}
    if job.pictures and not roots and worklist.counts.ok:
        lacks.append(
            "The page has no pictures, since the manifest does not say which folder was scanned: "
            "name it with --images."
        )
    made_by = recorded.identity.get("model_sha256") if recorded else None
    pictures = Pictures(
        roots,
        job.pictures if roots else 0,
        job.heat_maps,
        made_by if isinstance(made_by, str) else "",
        worklist.threshold,
    )
    try:
        with TemporaryFile(dir=job.out.parent) as file:
            album = Album.of(pictures.of(worklist.rows), file)
            lacks += [
                *missing_images(album, worklist, job.images),
                *missing_heat_maps(album, worklist, job.heat_maps),
            ]
            facts = facts_of(job.report, worklist, recorded, spec, lacks)
            write_page(job.out, facts, worklist, album)
    except OSError as exc:
        raise unwritable(job.out, exc) from exc
    return Written(worklist, lacks)


def _worklist(report: Path, recorded: Recorded | None, spec: ModelSpec | None) -> Worklist:
    identity: Mapping[str, object] = recorded.identity if recorded else {}
    labels: Sequence[str] = spec.labels if spec else ()
    match identity.get("labels"):
        case [str(negative), str(positive)]:
            labels = (negative, positive)
    answer = identity.get("on_input_check", OnInputCheck.FLAG) if recorded else OnInputCheck.REVIEW
    section = recorded.fields.get("distribution_shift") if recorded else None
    return Worklist.read(
        _SOURCE,
        report,
        labels=labels,
        is_checked=answer == OnInputCheck.REVIEW,
        shift=DistributionShift.recorded(section),
    )


def _recorded(job: PageJob, lacks: list[str]) -> Recorded | None:
    """Return the manifest, and check the rows by it; None where there is none to be read."""
    try:
        recorded = _SHOWN_IN_PART.recorded(job.report)
    except ReportError as exc:
        lacks.append(
            f"{exc}. So this page does not know the model and its figures, the time, the folder "
            "and the warnings of the scan, and whether a row was edited."
        )
        return None
    check_rows(_SOURCE, job.report, recorded.digest, is_finished=recorded.finished)
    return recorded


def _spec(job: PageJob, recorded: Recorded | None, lacks: list[str]) -> ModelSpec | None:
    """Return the spec of the model, None where it is not at hand."""
    identity: Mapping[str, object] = recorded.identity if recorded else {}
    name, digest = identity.get("model"), identity.get("model_sha256")
    if recorded is None or not isinstance(name, str) or not isinstance(digest, str):
        for option, value in (("--model", job.model), ("--spec", job.spec)):
            if value is not None:
                raise UsageError(
                    f"{option}: the manifest of {job.report} does not say which model made it; "
                    "leave the option out"
                )
        return None
    used = spec_file_of(recorded)
    if job.spec:
        _require_same_spec(job, job.spec, recorded)
    elif used:
        lacks.append(
            f"The report was scanned with the spec {used}, whose figures are missing: name it with "
            "--spec."
        )
    model = job.model or (DEFAULT if _is_default(digest) else None)
    if model is not None:
        otherwise = "or leave the option out"
        return spec_of_report(job.report, (name, digest), model, job.spec, otherwise)
    if job.spec and used:  # the same file, so that no model need vouch for it
        return read_spec_file(job.spec)
    if job.spec:
        raise UsageError(f"--spec: it is not known whether {job.spec} is of {name}; add --model")
    lacks.append(
        f"The figures of the model {name} are missing, since it is not the one that is installed "
        "with cxr-edge: name it with --model."
    )
    return None


def _require_same_spec(job: PageJob, spec: Path, recorded: Recorded) -> None:
    """Refuse another spec file than that of the scan, as far as its manifest tells which it was."""
    if "spec" not in recorded.fields:  # of an earlier version
        return
    given, used = identified_spec(spec)[1], spec_file_of(recorded)
    if used is None or given.sha256 != used.sha256:
        own = "the spec inside the model" if used is None else str(used)
        raise UsageError(
            f"--spec: {job.report} was made with {own}, got {given}; name the one that it was made "
            "with, or leave the option out"
        )


def _is_default(digest: str) -> bool:
    """Tell whether a model is the one that is installed with cxr-edge."""
    try:
        return digest in read_checksums(default_package()).values()
    except CxrError:  # an installation without a model
        return False
