"""The record of a session: its settings as they stand in the manifest of a report."""

from collections.abc import Mapping
from pathlib import Path

from cxr_edge.jobs.session import Session
from cxr_edge.pipeline.input_check import check_parts
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.csv_report import shown
from cxr_edge.reports.distribution_shift import DistributionShift
from cxr_edge.reports.run_manifest import RunIdentity, RunManifest
from cxr_edge.spec.recipe import RECIPES


def record_of(session: Session, skipped: Skipped, roots: Mapping[str, str]) -> RunManifest:
    """Return the manifest of a report that a session makes, with empty counts.

    Parameters
    ----------
    session
        Model and settings.
    skipped
        Counts of the files that are not taken.
    roots
        Folders and files that are scanned, by their names in the report.
    """
    config, model = session.config, session.model
    return RunManifest(
        identity=_identity(session),
        counts=ScanCounts(shift=DistributionShift.of(model.spec)),
        skipped=skipped.counts,
        disks=skipped.disks,
        first_lost=skipped.first_lost,
        runtime_asked=config.runtime,
        runtime_why=model.why,
        device_asked=config.device,
        device_why=model.device_why,
        batch_size=session.batching.size,
        batch_why=session.batching.why,
        workers=session.workers,
        threads=config.threads or 1,
        self_test=session.self_test,
        operating_point=session.decision.operating_point,
        input_check=check_parts(model.spec),
        first_changed=[],
        roots=roots,
        notice=model.spec.notice,
        spec=session.spec_file,
    )


def require_same(kind: CsvKind, report: Path, row: Mapping[str, str], session: Session) -> None:
    """Raise ReportError for a row that a session of other settings made."""
    now: dict[str, object] = {"model": session.model.tag}
    if row["threshold"]:  # a file that failed has none
        now["threshold"] = shown(session.decision.threshold)
    kind.require_same(report, {key: row[key] for key in now}, now)


def _identity(session: Session) -> RunIdentity:
    spec, batching = session.model.spec, session.batching
    return RunIdentity(
        model=spec.name,
        model_sha256=session.model.sha256,
        input=spec.interface,
        recipe=spec.input.recipe,
        recipe_sha256=RECIPES[spec.input.recipe].digest,
        labels=spec.labels,
        threshold=session.decision.threshold,
        runtime=session.model.runtime_name,
        provider=session.model.runtime.provider,
        batch_size=batching.size if batching.padded else 1,
        review_band=session.decision.review_band,
        on_input_check=session.decision.recorded_answer,
        input_statistics=spec.input_check.digest if spec.input_check else None,
    )
