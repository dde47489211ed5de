"""The run manifest beside a report: with what it was made, and what it holds."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from cxr_edge.errors import ReportError
from cxr_edge.files import write_whole

FIRST_FAILED: Final = 5
"""So many failed files are named in the summary; the report names all."""

T = TypeVar("T")

MANIFEST_VERSION: Final = 2
"""Version of the run manifest's JSON."""

NOTICE: Final = (
    "Research use only, not a diagnosis. The default model was trained on paediatric films of "
    "one hospital; such models were seen to fall from AUC 0.95 to 0.54 on another hospital's "
    "films (Xin et al. 2021)."
)
"""Stands in every manifest and under every summary."""


@dataclass
class Counts:
    """What a report holds; all that a run keeps in memory of it."""

    rows: int = 0
    """All files taken."""
    ok: int = 0
    """Scored."""
    failed: int = 0
    """Not scored."""
    flagged: int = 0
    """Scored with one flag or more."""
    labels: Counter[str] = field(default_factory=Counter)
    """Scored files by label."""
    flags: Counter[str] = field(default_factory=Counter)
    """Scored files by flag."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Failed files by reason."""
    first_failed: list[str] = field(default_factory=list)
    """Paths of the first :data:`FIRST_FAILED` failed files."""

    def add(self, values: Mapping[str, str]) -> None:
        """Count one row, given by column; one without ``path`` is no scan's and names nobody."""
        self.rows += 1
        if values["status"] == "ok":
            self.ok += 1
            if "path" in values:
                self.labels[values["label"]] += 1
            if values["flags"]:
                self.flagged += 1
                self.flags.update(values["flags"].split(";"))
        else:
            self.failed += 1
            self.reasons[values["reason"]] += 1
            if "path" in values and len(self.first_failed) < FIRST_FAILED:
                self.first_failed.append(values["path"])


@dataclass(frozen=True)
class RunIdentity:
    """What must be the same for a report to be continued."""

    model: str
    """Name of the model."""
    model_sha256: str
    """Digest of the artefact."""
    input: str
    """Pixels that it takes, and how they are scaled."""
    recipe: str
    """Preprocessing recipe."""
    recipe_sha256: str
    """Its digest."""
    labels: tuple[str, str]
    """Negative, positive."""
    threshold: float
    """That makes the label."""
    runtime: str
    """That computed it."""
    provider: str
    """That the runtime used."""
    batch_size: int
    """Films a call of the model, on a device where that can change the last bit of a probability;
    1 on a CPU, where it does not."""


@dataclass(frozen=True)
class RunManifest:
    """What stands in ``report.run.json`` beside ``report.csv``."""

    tool_version: str
    """Of cxr-edge."""
    identity: RunIdentity
    """What was computed, and with what."""
    runtime_asked: str
    """``--runtime``."""
    runtime_why: str
    """Why the runtime was taken that the identity names."""
    device_asked: str
    """``--device``."""
    device_why: str
    """Why the runtime computes on the provider that the identity names."""
    batch_size: int
    """Films a call of the model."""
    batch_why: str
    """Why as many."""
    workers: int
    """Files at work at once."""
    threads: int
    """That one call of the model could use."""
    self_test: str
    """Whether the package's self-test passed on this machine."""
    operating_point: str
    """Name of the threshold."""
    counts: Counts
    """Of the whole report."""
    passed_over: Counter[str]
    """Files and folders that were not taken, by why."""
    continued_from: int
    """Rows that an earlier run had written."""
    started: str
    """ISO 8601, UTC; of this run."""
    ended: str | None = None
    """ISO 8601, UTC; None while it runs."""
    files_per_second: float | None = None
    """Of this run, from the first file to the last row; None where there was nothing to do."""
    exit_code: int | None = None
    """None while it runs."""

    def write(self, path: Path) -> None:
        """Write the manifest so that a reader finds the old one or the new one, whole.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        data = {"manifest_version": MANIFEST_VERSION, **vars(self), "notice": NOTICE}
        write_manifest(path, data)


def write_manifest(path: Path, data: Mapping[str, object]) -> None:
    """Write a manifest so that a reader finds the old one or the new one, whole.

    Raises
    ------
    ReportError
        It cannot be written.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, default=vars)
    try:
        write_whole(path, text + "\n")
    except OSError as exc:
        raise ReportError(f"the run manifest {path} cannot be written: {exc.strerror}") from exc


def begun_with(report: Path) -> RunIdentity | None:
    """Return what a report that may be there was begun with, None where that cannot be told.

    What is wrong with it is said when it is continued.
    """
    try:
        return read_identity(report)
    except ReportError:
        return None


def manifest_path(report: Path) -> Path:
    """Return where the manifest of a report stands: ``report.csv`` -> ``report.run.json``."""
    return report.with_suffix(".run.json")


def read_identity(report: Path) -> RunIdentity:
    """Read what an existing report was made with, from its manifest.

    Raises
    ------
    ReportError
        There is no manifest, it cannot be understood, or it is another version's.
    """
    advice = "choose another --out, or keep the old report under a new name with --fresh"

    def identity(values: dict[str, Any]) -> RunIdentity:
        return RunIdentity(**{**values, "labels": tuple(values["labels"])})

    return read_manifest(report, MANIFEST_VERSION, identity, advice)


def read_manifest(
    report: Path, version: int, identity: Callable[[dict[str, Any]], T], advice: str
) -> T:
    """Return what ``identity`` makes of the key of that name in the manifest beside a file.

    Raises
    ------
    ReportError
        There is no manifest, it cannot be understood, or it is another version's; the message
        ends with ``advice``.
    """
    path = manifest_path(report)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        came = data["manifest_version"]
        if came != version:
            raise ReportError(
                f"{path}: this version continues reports of manifest_version {version}, "
                f"came {came}; finish it with the version that began it, or {advice}"
            )
        return identity(dict(data["identity"]))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ReportError(
            f"{report} exists, but its run manifest {path} cannot be understood ({exc}); {advice}"
        ) from exc


def utc_now() -> str:
    """Return the time for a manifest: ISO 8601, UTC, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Tell what is not as it was, key by key; empty where all is."""
    return "; ".join(
        f"{key.replace('_', ' ')} was {before.get(key)}, now {now[key]}"
        for key in now
        if before.get(key) != now[key]
    )
