"""The run manifest of a scan: ``report.run.json`` beside ``report.csv``."""

from dataclasses import dataclass
from pathlib import Path

from cxr_edge.errors import ReportError
from cxr_edge.models.preferred import Preferred
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import Manifest


@dataclass(frozen=True)
class RunIdentity:
    """Settings that must stay the same for a report to be continued."""

    model: str
    """Name of the model."""
    model_sha256: str
    """Digest of the artefact."""
    input: str
    """Pixels that the model takes, and how they are scaled."""
    recipe: str
    """Name of the preprocessing recipe."""
    recipe_sha256: str
    """Digest of the preprocessing recipe."""
    labels: tuple[str, str]
    """Negative and positive label."""
    threshold: float
    """Threshold that makes the label."""
    runtime: str
    """Runtime that computed the probabilities."""
    provider: str
    """Execution provider that the runtime used."""
    batch_size: int
    """Images per model call, on a device where that can change the last bit of a probability;
    1 on a CPU, where it does not."""


@dataclass(frozen=True, kw_only=True)
class RunManifest(Manifest):
    """Record of one scan into one report."""

    identity: RunIdentity
    """Settings that must stay the same for the report to be continued."""
    counts: ScanCounts
    """Counts of the whole report."""
    runtime_asked: str
    """Value of ``--runtime``."""
    runtime_why: str
    """Reason for the runtime that the identity names."""
    device_asked: str
    """Value of ``--device``."""
    device_why: str
    """Reason for the provider that the identity names."""
    batch_size: int
    """Images per model call."""
    batch_why: str
    """Reason for the batch size."""
    workers: int
    """Files processed in parallel."""
    threads: int
    """CPU threads per model call."""
    self_test: str
    """Result of the package's self-test on this machine."""
    operating_point: str
    """Name of the threshold."""
    first_lost: list[str]
    """Paths of the first folders and files that could not be read."""
    changed: int = 0
    """Files whose bytes differ from those that their row was made from."""
    first_changed: list[str]
    """Paths of the first of them."""
    notice: str
    """Notice that this is for research only, with what is known of the model's training set."""


def preferred_by(report: Path) -> Preferred | None:
    """Return what a report that may be there was started with, None when that is not known.

    An error is not raised here but when the report is continued.
    """
    try:
        identity = REPORT.recorded(report).identity
        return Preferred(identity["runtime"], identity["model_sha256"], identity["batch_size"])
    except (ReportError, KeyError):
        return None
