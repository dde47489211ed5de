"""The run manifest beside a report or mapping: how it was made, and what it holds."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cxr_edge import __version__
from cxr_edge.errors import ReportError
from cxr_edge.pipeline.discover import UNLISTED, UNREAD
from cxr_edge.reports.counts import Counts
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most

MANIFEST_VERSION: Final = 3
"""Version of the run manifest's JSON."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Record of one run into one report or mapping; each command adds fields of its own."""

    identity: object
    """Settings that must stay the same between the runs into one file; a dataclass."""
    counts: Counts
    """Counts of the whole file."""
    skipped: Counter[str]
    """Files and folders that were not taken, by why."""
    continued_from: int = 0
    """Rows that an earlier run had written."""
    report_started: str = ""
    """Start of the first run into this file; ISO 8601, UTC."""
    started: str = ""
    """Start of this run; ISO 8601, UTC."""
    ended: str | None = None
    """End of this run; ISO 8601, UTC. None while it runs."""
    files_per_second: float | None = None
    """Rate of this run, from the first file to the last row; None when there was nothing to do."""
    exit_code: int | None = None
    """Exit code of the command; None while it runs."""
    pid: int | None = None
    """Number of the process that writes the file; None once it has ended."""

    @property
    def not_read(self) -> int:
        """Folders and files that could not be read, so that images may be missing."""
        return self.skipped[UNLISTED] + self.skipped[UNREAD]

    @property
    def settings(self) -> dict[str, object]:
        """The identity by key, with values as JSON gives them back."""
        by_key: dict[str, object] = json.loads(json.dumps(self.identity, default=vars))
        return by_key

    def content(self) -> dict[str, object]:
        """Return what stands in the JSON."""
        return {
            "manifest_version": MANIFEST_VERSION,
            "tool_version": __version__,
            **vars(self),
        }

    def write(self, path: Path) -> None:
        """Write the manifest so that a reader finds the old one or the new one, whole.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        text = json.dumps(self.content(), indent=2, ensure_ascii=False, default=vars)
        try:
            write_text_atomically(path, text + "\n", durable=True)
        except OSError as exc:
            raise ReportError(
                f"the run manifest {path} cannot be written: {exc.strerror}; "
                "make room and run the same command again"
            ) from exc


@dataclass(frozen=True)
class Recorded:
    """Start of a report or mapping, as its manifest records it."""

    identity: Mapping[str, Any]
    """Settings of the run that started it, by key."""
    report_started: str
    """Time of that run; ISO 8601, UTC."""
    started: str = ""
    """Start of the last run into it; ISO 8601, UTC."""
    continued_from: int = 0
    """Rows that were there when that run began."""


def manifest_path(report: Path) -> Path:
    """Return where the manifest of a report stands: ``report.csv`` -> ``report.run.json``.

    Another suffix stays, so that ``report.txt`` has a manifest of its own.
    """
    return report.with_name(f"{report.name.removesuffix('.csv')}.run.json")


def read_manifest(report: Path, advice: str, older: Mapping[int, str]) -> Recorded:
    """Read how an existing report or mapping was started.

    Parameters
    ----------
    report
        The CSV file.
    advice
        End of an error's message: what to do.
    older
        Versions before :data:`MANIFEST_VERSION` that are read too, each with its name of
        ``report_started``.

    Raises
    ------
    ReportError
        The manifest is missing, damaged, or of another version.
    """
    path = manifest_path(report)
    cannot = f"so {report.name} cannot be resumed; {advice}"
    try:
        text = read_at_most(path, MAX_JSON)
    except FileNotFoundError as exc:
        raise ReportError(f"{path} is missing, {cannot}") from exc
    except OSError as exc:
        raise ReportError(f"{path} cannot be read ({exc.strerror}), {cannot}") from exc
    try:
        data = parse_json(text)
        version = int(data["manifest_version"])
        key = {**older, MANIFEST_VERSION: "report_started"}.get(version)
        if key is not None:
            when = datetime.fromisoformat(data[key]).isoformat()
            last = str(data.get("started", "")), int(data.get("continued_from", 0))
            return Recorded(dict(data["identity"]), when, *last)
    except (ValueError, KeyError, TypeError) as exc:
        why = f"it has no {exc}" if isinstance(exc, KeyError) else exc
        raise ReportError(f"{path} is damaged ({why}), {cannot}") from exc
    age = "a newer" if version > MANIFEST_VERSION else "an older"
    raise ReportError(
        f"{path} was written by {age} version of cxr-edge (expected manifest_version "
        f"{MANIFEST_VERSION}, got {version}), {cannot}; or finish it with that version"
    )


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Tell which settings differ, key by key; empty when none does."""
    return "; ".join(
        f"{key.replace('_', ' ')} {before.get(key)}, now {value}"
        for key, value in now.items()
        if before.get(key) != value
    )


def owner_of(report: Path) -> int | None:
    """Return the number of the process that writes a file, None where its manifest names none."""
    try:
        process = parse_json(read_at_most(manifest_path(report), MAX_JSON))["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if isinstance(process, int) else None


def utc_now() -> str:
    """Return the time for a manifest: ISO 8601, UTC, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
