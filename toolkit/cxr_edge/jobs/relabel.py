"""A report with another threshold, from the probabilities that are there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.jobs.new_report import write_report
from cxr_edge.jobs.source_report import require_report, spec_of_report
from cxr_edge.models.locate import DEFAULT, identified_spec
from cxr_edge.pipeline.decision import CUSTOM, Decision, limits_of, round_probability
from cxr_edge.reports.append_log import read_rows
from cxr_edge.reports.carried import copied, identity_in, skipped_in
from cxr_edge.reports.check_place import check_place
from cxr_edge.reports.check_rows import check_rows
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.csv_report import REPORT, prediction_of, shown, source_kind
from cxr_edge.reports.distribution_shift import DistributionShift
from cxr_edge.reports.manifest import manifest_path, utc_now
from cxr_edge.reports.recorded import RESTORE, Recorded
from cxr_edge.reports.run_manifest import RunIdentity, RunManifest, roots_of, spec_file_of
from cxr_edge.reports.standard_output import STDOUT
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.spec_file import SpecFile
from cxr_edge.system.printable import cell_shown
from cxr_edge.system.ranges import SHARE

_SOURCE: Final = source_kind("relabelled")
"""Kind of the report that is read."""


@dataclass(frozen=True)
class RelabelJob:
    """A report, and the threshold that another one is to have."""

    report: Path
    """Path of the report."""
    out: Path
    """Path of the new one."""
    operating_point: str | None = None
    """Name of a threshold of the model, or None."""
    threshold: float | None = None
    """Threshold as a number, in place of a name."""
    review_band: bool = False
    """Whether images in the model's review band are left to a person; with it alone, the threshold
    of the report stays."""
    model: str = DEFAULT
    """Model that the report was made with, to look up the name."""
    spec: Path | None = None
    """Spec of a model that carries none."""


def relabel(job: RelabelJob) -> RunManifest:
    """Write a report with another threshold, which is the one that a scan with it writes.

    Parameters
    ----------
    job
        Report and threshold.

    Returns
    -------
    RunManifest
        The manifest beside the new report. It is that of the scan, with the other threshold, and
        names the report that it was made from.

    Raises
    ------
    UsageError
        A path, the model or the threshold cannot work; nothing was done.
    ReportError
        The report was edited or cannot be read, or the new one cannot be written.
    """
    if job.operating_point is not None and job.threshold is not None:
        raise UsageError("--operating-point and --threshold exclude each other; give one")
    if job.threshold is not None:
        SHARE.require("--threshold", job.threshold)
    if job.out == STDOUT:
        raise UsageError("--out: expected a file, got standard output; cxr relabel writes files")
    require_report(_SOURCE, job.report)
    recorded = _SOURCE.recorded(job.report)
    before = identity_in(_SOURCE, manifest_path(job.report), recorded)
    decision, spec = _decision(job, before, recorded)
    spec_file, shift = _compared(job, spec, recorded)
    if job.out.exists():
        raise UsageError(f"--out: {job.out} exists; choose another name")
    check_place(REPORT, job.out)
    running = check_rows(_SOURCE, job.report, recorded.digest, is_finished=recorded.finished)
    is_whole = running.rows >= recorded.rows  # what lost its last rows is to be continued
    manifest = RunManifest(
        identity=replace(before, threshold=decision.threshold, review_band=decision.review_band),
        counts=ScanCounts(shift=shift),
        skipped=skipped_in(recorded),
        **copied(recorded),
        operating_point=decision.operating_point,
        input_check=str(recorded.fields.get("input_check", "")),
        first_lost=[],
        first_changed=[],
        order=recorded.order,
        earlier_versions=recorded.earlier_versions,
        report_started=recorded.report_started,
        started=utc_now(),
        exit_code=recorded.exit_code if is_whole else None,
        roots=roots_of(recorded),
        spec=spec_file,
        relabelled_from={
            "report": job.report.name,
            "sha256": running.sha256,
            "threshold": before.threshold,
            "operating_point": recorded.fields.get("operating_point"),
            **({"review_band": before.review_band} if before.review_band else {}),
        },
    )
    with REPORT.alone_at(job.out):
        return _write(job, before, decision, manifest)


def _write(
    job: RelabelJob, before: RunIdentity, decision: Decision, manifest: RunManifest
) -> RunManifest:
    try:
        return write_report(job.out, _relabelled(job.report, before, decision), manifest)
    except UnicodeEncodeError as exc:  # copied from the manifest, which is of any text
        why = "is damaged: it has text that is no Unicode"
        raise _SOURCE.refused(manifest_path(job.report), why, RESTORE) from exc


def _relabelled(report: Path, before: RunIdentity, decision: Decision) -> Iterator[Sequence[str]]:
    """Yield the rows with the new threshold."""
    answer = before.answer
    old = Decision(before.labels, "", before.threshold, before.review_band, answer)
    decision = replace(decision, on_input_check=answer)
    rows = read_rows(_SOURCE, report)
    next(rows)  # the header
    for number, (row, _) in enumerate(rows, start=1):
        values = REPORT.named(row)
        if values["status"] == "failed":
            yield row
            continue
        found = prediction_of(values, "")
        if (
            found is None
            or shown(found.probability) != values["probability"]
            or values["threshold"] != shown(old.threshold)
            or found.label != old.label(found.probability, found.source.flags)
        ):
            raise _SOURCE.not_as_written(report, number, row)
        label = decision.label(found.probability, found.source.flags)
        yield list((values | {"label": label, "threshold": shown(decision.threshold)}).values())


def _require_own_spec(report: Path, spec: ModelSpec, threshold: float, recorded: Recorded) -> None:
    """Raise UsageError where a report's operating point has another threshold in the model's spec.

    It was scanned with a spec of its own, such as that of a site.
    """
    name, given = recorded.fields.get("operating_point"), spec_file_of(recorded)
    which = cell_shown(given.name) if given else "the spec that it was scanned with"
    for point in spec.operating_points:
        if point.name == name and round_probability(point.threshold) != round_probability(
            threshold
        ):
            raise UsageError(
                f"--spec: {report} was scanned with {name} at {threshold:g}, the spec of "
                f"{spec.name} has it at {point.threshold:g}; give {which}, or --threshold a number"
            )


def _decision(
    job: RelabelJob, before: RunIdentity, recorded: Recorded
) -> tuple[Decision, ModelSpec | None]:
    """Return the new threshold, and the spec that it is looked up in; none for a number alone."""
    named = job.operating_point is not None or job.threshold is not None
    if job.threshold is not None and not job.review_band:
        threshold = OperatingPoint(CUSTOM, job.threshold).threshold
        return Decision(before.labels, CUSTOM, threshold), None
    spec = spec_of_report(
        job.report,
        (before.model, before.model_sha256),
        job.model,
        job.spec,
        "or give --threshold a number" if not job.review_band else "or leave --review-band out",
    )
    if not job.spec:
        _require_own_spec(job.report, spec, before.threshold, recorded)
    if job.review_band and not named:
        old_name = recorded.fields.get("operating_point")
        name = old_name if isinstance(old_name, str) else CUSTOM
        return Decision(before.labels, name, before.threshold, limits_of(spec)), spec
    if not named:
        points = ", ".join(f"{one.name} ({one.threshold:g})" for one in spec.operating_points)
        raise UsageError(
            "expected --operating-point, --threshold or --review-band, got none of them; the "
            f"operating points of {spec.name} are {points}"
        )
    decision = Decision.of(spec, job.operating_point, job.threshold, review_band=job.review_band)
    return decision, spec


def _compared(
    job: RelabelJob, spec: ModelSpec | None, recorded: Recorded
) -> tuple[SpecFile | None, DistributionShift | None]:
    """Return the spec file that the threshold is from, and what images are compared with."""
    shift = DistributionShift.recorded(recorded.fields.get("distribution_shift"))
    if spec is None or (job.spec is None and job.operating_point is None):
        return spec_file_of(recorded), shift
    if spec.site or (shift and shift.not_compared):  # from the thresholds of a site, or to them
        shift = DistributionShift.of(spec)
    if job.spec is None:
        return None, shift
    doubt = "" if job.threshold is not None else spec.site_doubt(job.operating_point)
    return replace(identified_spec(job.spec)[1], doubt=doubt), shift
