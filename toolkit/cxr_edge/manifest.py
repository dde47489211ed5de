"""The run manifest beside a report: with what it was made, and what it holds."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from cxr_edge.bounded import MAX_JSON, parse_json, read_at_most
from cxr_edge.errors import ReportError
from cxr_edge.files import write_whole

FIRST_FAILED: Final = 5
"""So many failed files are named in the summary; the report names all."""

MANIFEST_VERSION: Final = 2
"""Version of the run manifest's JSON."""

ADVICE: Final = "choose another --out, or keep the old report under a new name with --fresh"
"""What to do about a report that cannot be continued."""

T = TypeVar("T")

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
    first_lost: list[str]
    """Paths of the first of those that could not be looked into; empty where all could."""
    continued_from: int
    """Rows that an earlier run had written."""
    changed: int
    """Files seen to have other bytes than the row that an earlier run wrote."""
    first_changed: list[str]
    """Paths of the first :data:`FIRST_FAILED` of them."""
    begun: str
    """ISO 8601, UTC; of the first run into this report."""
    started: str
    """ISO 8601, UTC; of this run."""
    ended: str | None = None
    """ISO 8601, UTC; None while it runs."""
    files_per_second: float | None = None
    """Of this run, from the first file to the last row; None where there was nothing to do."""
    exit_code: int | None = None
    """None while it runs."""
    pid: int | None = None
    """Of the process that writes the report; None once it has ended."""

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
        write_whole(path, text + "\n", durable=True)
    except OSError as exc:
        raise ReportError(
            f"the run manifest {path} cannot be written: {exc.strerror}; "
            "make room and run the same command again"
        ) from exc


def begun_with(report: Path) -> RunIdentity | None:
    """Return what a report that may be there was begun with, None where that cannot be told.

    What is wrong with it is said when it is continued.
    """
    try:
        return read_identity(report)
    except ReportError:
        return None


def manifest_path(report: Path) -> Path:
    """Return where the manifest of a report stands: ``report.csv`` -> ``report.run.json``.

    Another suffix stays, so that ``report.txt`` has a manifest of its own.
    """
    return report.with_name(f"{report.name.removesuffix('.csv')}.run.json")


def read_identity(report: Path) -> RunIdentity:
    """As :func:`read_begun`, the identity alone."""
    return read_begun(report)[0]


def read_begun(report: Path) -> tuple[RunIdentity, str]:
    """Read what an existing report was made with, from its manifest, and when it was begun.

    Raises
    ------
    ReportError
        There is no manifest, it cannot be understood, or it is another version's.
    """

    def begun(data: Mapping[str, Any]) -> tuple[RunIdentity, str]:
        identity = dict(data["identity"])
        when = datetime.fromisoformat(data["begun"]).isoformat()
        return RunIdentity(**{**identity, "labels": tuple(identity["labels"])}), when

    return read_manifest(report, MANIFEST_VERSION, begun, ADVICE)


def read_manifest(
    written: Path, version: int, understand: Callable[[Mapping[str, Any]], T], advice: str
) -> T:
    """Return what ``understand`` makes of the manifest beside a file.

    Parameters
    ----------
    written
        The file.
    version
        Of the manifest's JSON.
    understand
        May raise a KeyError, TypeError or ValueError.
    advice
        Ends the message of an error.

    Raises
    ------
    ReportError
        There is no manifest, it cannot be understood, or it is another version's.
    """
    path = manifest_path(written)
    try:
        data = parse_json(read_at_most(path, MAX_JSON))
        came = data["manifest_version"]
        if came != version:
            raise ReportError(
                f"{path}: this version continues what has manifest_version {version}, "
                f"came {came}; finish it with the version that began it, or {advice}"
            )
        return understand(data)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ReportError(
            f"{written} exists, but its run manifest {path} cannot be understood ({exc}); {advice}"
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
