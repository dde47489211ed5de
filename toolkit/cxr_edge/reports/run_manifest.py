"""The run manifest of a scan: ``report.run.json`` beside ``report.csv``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError, SpecInvalid
from cxr_edge.models.preferred import Preferred
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.recorded import Recorded
from cxr_edge.spec.on_input_check import OnInputCheck
from cxr_edge.spec.review_band import REVIEW, Limits
from cxr_edge.spec.spec_file import SpecFile

ROWS_BY_CONTENT: Final = "path and sha256"
"""Columns that no two rows of a report have alike that grows by arrival."""


@dataclass(frozen=True)
class RunIdentity:
    """Settings that must stay the same for a report to be continued."""

    model: str
    """Name of the model."""
    model_sha256: str
    """Digest of the artefact."""
    input: str
    """Pixels that the model takes and how they are scaled; also the numbers that it gives, where
    they are not plain probabilities."""
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
    review_band: Limits | None = None
    """Limits within which images are labelled ``review``; None, and left out, without."""
    on_input_check: str | None = None
    """Answer to images that the input check says should not be scored; None, and left out, where
    they are labelled all the same."""
    input_statistics: str | None = None
    """Digest of the statistics that images are checked with; None, and left out, without."""
    rows_by: str | None = None
    """Columns that no two rows have alike, :data:`ROWS_BY_CONTENT`; None, and left out, where a
    path has one row."""
    files_in: str | None = None
    """Folder of the files of a report that grows by arrival, which must be one for all rows: as in
    ``roots``, or relative to the report's folder. None, and left out, for a scan."""

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON-ready data."""
        return {key: value for key, value in vars(self).items() if value is not None}

    @property
    def answer(self) -> OnInputCheck:
        """Answer to images that the input check says should not be scored."""
        return OnInputCheck(self.on_input_check or OnInputCheck.FLAG)


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
    engine: str = "threads"
    """Engine that worked on the files: threads of this machine, or ray."""
    threads: int
    """CPU threads per model call."""
    self_test: str
    """Result of the package's self-test on this machine."""
    operating_point: str
    """Name of the threshold."""
    input_check: str = ""
    """Parts of the input check: rules, and statistics where the model has some."""
    first_lost: list[str]
    """Paths of the first folders and files that were skipped although images may be in them."""
    changed: int = 0
    """Files whose bytes differ from those that their row was made from."""
    first_changed: list[str]
    """Paths of the first of them."""
    roots: Mapping[str, str]
    """Folders and files that were scanned: full path by the name that it has in the report, empty
    for a single folder; both as :func:`cxr_edge.system.printable.printable` writes them."""
    notice: str
    """Notice that this is for research only, with what is known of the model's training set."""
    spec: SpecFile | None = None
    """Spec file that was used in place of the spec inside the model; None without."""
    taken_over_from: str | None = None
    """Name of the report beside this one whose scored images this run of ``--retry-failed``, or
    the one that finished it, took over."""
    relabelled_from: Mapping[str, object] | None = None
    """Report that ``cxr relabel`` made this one from: its name, digest, threshold and the name of
    that; None where it was scanned."""

    @property
    def left_by_band(self) -> int:
        """Images labelled review by the review band, and not by the input check."""
        checked = self.identity.answer is OnInputCheck.REVIEW
        by_check = self.counts.should_not_be_scored if checked else 0
        return max(0, self.counts.labels[REVIEW] - by_check)

    def content(self) -> dict[str, object]:
        """Return what stands in the JSON."""
        return super().content() | {"distribution_shift": self.counts.shift}


def preferred_by(report: Path, *, same_command: bool = False) -> Preferred | None:
    """Return what a report that may be there was started with, None when that is not known.

    An error is not raised here but when the report is continued.

    Parameters
    ----------
    report
        Path of the report.
    same_command
        Whether an earlier process of this command wrote to it: then its reasons are ours.
    """
    try:
        recorded = REPORT.recorded(report)
    except ReportError:
        return None
    return preferred_in(recorded, same_command=same_command)


def preferred_in(recorded: Recorded, *, same_command: bool = False) -> Preferred | None:
    """Return what a manifest says that its run was started with, None when it doesn't.

    Parameters
    ----------
    recorded
        The manifest.
    same_command
        As for :func:`preferred_by`.
    """
    match recorded.identity:
        case {"runtime": str(runtime), "model_sha256": str(digest), "batch_size": int(size)}:
            answer = recorded.identity.get("on_input_check", OnInputCheck.FLAG)
            preferred = Preferred(runtime, digest, size, on_input_check=str(answer))
        case _:
            return None
    match recorded.fields:
        case {"runtime_why": str(why), "batch_why": str(batch_why)} if same_command:
            return replace(preferred, why=why, batch_why=batch_why)
    return preferred


def taken_over_from(report: Path, recorded: Recorded) -> Path | None:
    """Return the report that one takes rows over from, None where there is none any more."""
    name = recorded.fields.get("taken_over_from")
    ours = re.compile(rf"{re.escape(report.stem)}\.old-\d{{1,9}}{re.escape(report.suffix)}")
    if not isinstance(name, str) or not ours.fullmatch(name):
        return None
    earlier = report.with_name(name)
    return earlier if earlier.is_file() else None


def roots_of(recorded: Recorded) -> Mapping[str, str]:
    """Return what was scanned, by its name in the report; empty where that is not recorded."""
    found = recorded.fields.get("roots")
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        return {}
    return found


def spec_file_of(recorded: Recorded) -> SpecFile | None:
    """Return the spec file that was used in place of the model's spec, as far as that is told."""
    try:
        return SpecFile.from_dict(recorded.fields.get("spec"))
    except SpecInvalid:
        return None


def relabelled_from(recorded: Recorded) -> Mapping[str, object] | None:
    """Return what a report was relabelled from, as its manifest says."""
    found = recorded.fields.get("relabelled_from")
    return found if isinstance(found, dict) else None
