"""A report as an HTML page: its rows and manifest, the model that made it, and its images."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_edge.errors import CxrError, ReportError, UsageError
from cxr_edge.jobs.source_report import require_report, spec_of_report
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.locate import DEFAULT, default_package
from cxr_edge.pipeline.roots import named_roots
from cxr_edge.reports.check_rows import check_rows
from cxr_edge.reports.csv_report import source_kind
from cxr_edge.reports.html.facts import facts_of
from cxr_edge.reports.html.page import write_page
from cxr_edge.reports.html.pictures import Pictures
from cxr_edge.reports.html.worklist import Worklist
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.run_manifest import roots_of
from cxr_edge.reports.sink import RunResult
from cxr_edge.spec.model_spec import ModelSpec

PICTURES: Final = 500
"""Images that get pictures unless another number is asked for."""

_SOURCE: Final = source_kind("shown")
"""Kind of the report that is read."""


@dataclass(frozen=True)
class PageJob:
    """A report, and the page that is to be made of it."""

    report: Path
    """Path of the report."""
    out: Path
    """Path of the page; an existing one is replaced."""
    pictures: int = PICTURES
    """Images that get pictures, the first of the worklist."""
    images: Sequence[Path] = ()
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


def write_html(job: PageJob, spec: ModelSpec | None = None) -> Worklist:
    """Write the page of a report.

    Parameters
    ----------
    job
        Report and page.
    spec
        Spec of the model that it was made with, where it is open already.

    Returns
    -------
    Worklist
        What the page shows.

    Raises
    ------
    UsageError
        The path is no report, or the model is not the one that it was made with.
    ReportError
        The report was edited or cannot be read, or the page cannot be written.
    """
    check_source(job.report)
    lacks: list[str] = []
    recorded = _recorded(job, lacks)
    worklist = Worklist.read(_SOURCE, job.report)
    spec = spec or _spec(job, recorded, lacks)
    roots = named_roots(job.images) if job.images else roots_of(recorded) if recorded else {}
    if job.pictures and not roots and worklist.counts.ok:
        lacks.append(
            "The page has no pictures, since the manifest does not say which folder was scanned: "
            "name it with --images."
        )
    pictures = Pictures(roots, job.pictures if roots else 0, job.heat_maps)
    facts = facts_of(job.report, worklist, recorded, spec, lacks)
    write_page(job.out, facts, worklist, pictures.of(worklist.rows))
    return worklist


def _recorded(job: PageJob, lacks: list[str]) -> Recorded | None:
    """Return the manifest, and check the rows by it; None where there is none to be read."""
    try:
        recorded = _SOURCE.recorded(job.report)
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
    if not isinstance(name, str) or not isinstance(digest, str):
        if job.model is not None:
            raise UsageError(
                f"--model: the manifest of {job.report} does not say which model made it; leave "
                "the option out"
            )
        return None
    if job.model is not None:
        otherwise = "or leave the option out"
        return spec_of_report(job.report, (name, digest), job.model, job.spec, otherwise)
    try:
        if digest in read_checksums(default_package()).values():
            return spec_of_report(job.report, (name, digest), DEFAULT, None, "")
    except CxrError:  # an installation without a model
        pass
    lacks.append(
        f"The figures of the model {name} are missing, since it is not the one that is installed "
        "with cxr-edge: name it with --model."
    )
    return None
