"""The run manifest beside a report: with what it was made, and what it holds."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from cxr_edge.errors import ReportError
from cxr_edge.notice import NOTICE
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.run_identity import RunIdentity
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most

MANIFEST_VERSION: Final = 2
"""Version of the run manifest's JSON."""

ADVICE: Final = "choose another --out, or keep the old report under a new name with --fresh"
"""What to do about a report that cannot be continued."""

T = TypeVar("T")


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
    """Images a call of the model."""
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
        write_text_atomically(path, text + "\n", durable=True)
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
        got = data["manifest_version"]
        if got != version:
            raise ReportError(
                f"{path}: this version continues what has manifest_version {version}, "
                f"got {got}; finish it with the version that began it, or {advice}"
            )
        return understand(data)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ReportError(
            f"{written} exists, but its run manifest {path} cannot be understood ({exc}); {advice}"
        ) from exc


def owner_of(written: Path) -> int | None:
    """Return the number of the process that writes a file, None where its manifest names none."""
    try:
        process = parse_json(read_at_most(manifest_path(written), MAX_JSON))["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if isinstance(process, int) else None


def utc_now() -> str:
    """Return the time for a manifest: ISO 8601, UTC, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
