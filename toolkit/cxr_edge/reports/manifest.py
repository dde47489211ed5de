"""The run manifest beside a report or mapping: how it was made, and what it holds."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cxr_edge import __version__
from cxr_edge.errors import ReportError
from cxr_edge.pipeline.skipped import MAY_HOLD_IMAGES
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.row_marks import RowMarks
from cxr_edge.spec.on_input_check import OnInputCheck
from cxr_edge.storage.atomic import write_text_atomically

MANIFEST_VERSION: Final = 3
"""Version of the run manifest's JSON."""

MANIFEST_SUFFIX: Final = ".run.json"
"""End of the name of every run manifest."""

SORTED: Final = "sorted"
"""Order of a file whose rows are those of the first files there are, sorted by their path."""

ARRIVAL: Final = "arrival"
"""Order of a file that took in files later, behind those that it had."""

_LEFT_OUT: Final[Mapping[str, str]] = {"on_input_check": OnInputCheck.FLAG, "rows_by": "path"}
"""Words for a setting that is left out, where they are not ``none``."""


@dataclass
class Gone:
    """Files that had a row and are not there any more."""

    files: int = 0
    """Number of such files."""
    first: list[str] = field(default_factory=list)
    """Paths of the first :data:`cxr_edge.reports.counts.FIRST_FAILED` of them."""
    kept: int = 0
    """Number of them whose rows are in the file; an earlier report has those of the others."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Record of one run into one report or mapping; each command adds fields of its own."""

    identity: object
    """Settings that must stay the same between the runs into one file; a dataclass."""
    counts: Counts
    """Counts of the whole file."""
    skipped: Counter[str]
    """Files and folders that were not taken, by why."""
    disks: list[str] = field(default_factory=list)
    """Paths of the disks that were mounted below the PATHs when this run started."""
    continued_from: int = 0
    """Rows that an earlier run had written."""
    order: str = SORTED
    """Order of the rows: :data:`SORTED` or :data:`ARRIVAL`."""
    earlier_versions: list[str] = field(default_factory=list)
    """Other versions of cxr-edge that wrote rows of it."""
    gone: Gone = field(default_factory=Gone)
    """Files of rows of an earlier run that are not there any more."""
    digest: RowMarks = field(default_factory=RowMarks)
    """Digest of the rows, as of the last time that they were flushed to the disk."""
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
        """Folders and files that were skipped although images may be in them."""
        return sum(self.skipped[reason] for reason in MAY_HOLD_IMAGES)

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

    def told(self) -> dict[str, object]:
        """Return what is told of the run on one line: all but the digest of the rows."""
        return {key: value for key, value in self.content().items() if key != "digest"}

    @property
    def text(self) -> str:
        """The JSON, as it stands in the file."""
        return json.dumps(self.content(), indent=2, ensure_ascii=False, default=to_plain) + "\n"

    def write(self, path: Path, before: Callable[[], object] | None = None) -> None:
        """Write the manifest so that a reader finds the old one or the new one, whole.

        Parameters
        ----------
        path
            Path of the manifest.
        before
            Function that is called once the new one is written, before it gets its name.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        try:
            write_text_atomically(path, self.text, durable=True, before=before)
        except OSError as exc:
            raise ReportError(
                f"the run manifest {path} cannot be written: {exc.strerror}; "
                "make room and run the same command again"
            ) from exc


def to_plain(value: object) -> object:
    """Return an object of ours as JSON-ready data."""
    return value.to_dict() if hasattr(value, "to_dict") else vars(value)


def manifest_path(report: Path) -> Path:
    """Return where the manifest of a report stands: ``report.csv`` -> ``report.run.json``.

    Another suffix stays, so that ``report.txt`` has a manifest of its own.
    """
    return report.with_name(f"{report.name.removesuffix('.csv')}{MANIFEST_SUFFIX}")


def differences(
    before: Mapping[str, object], now: Mapping[str, object], between: str = "now"
) -> dict[str, str]:
    """Return in words which settings differ, by key; also those that only a newer version knows.

    Parameters
    ----------
    before, now
        Settings by key.
    between
        Word before the second of two values.
    """

    def shown(settings: Mapping[str, object], key: str) -> str:
        value = settings.get(key)
        return _LEFT_OUT.get(key, "none") if value is None else f"{value!s:.300}"

    return {
        key: f"{key.replace('_', ' ')} {shown(before, key)}, {between} {shown(now, key)}"
        for key in dict.fromkeys([*now, *before])
        if before.get(key) != now.get(key)
    }


def utc_now() -> str:
    """Return the time for a manifest: ISO 8601, UTC, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
