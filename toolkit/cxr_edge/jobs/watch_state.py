"""The state of a watch, and the health file that tells it."""

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from cxr_edge import __version__
from cxr_edge.reports.manifest import to_plain, utc_now
from cxr_edge.reports.run_manifest import RunManifest
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most
from cxr_edge.system.printable import printable

HEALTH: Final = "health.json"
"""Name of the health file."""

EVERY: Final = 10.0
"""Seconds after which the health file is written again although nothing happened."""


class State(StrEnum):
    """States of a watch."""

    STARTING = "starting"
    WATCHING = "watching"
    NO_INBOX = "no-inbox"
    CANNOT_WRITE = "cannot-write"
    STOPPED = "stopped"


@dataclass
class WatchState:
    """Everything that the health file tells."""

    inbox: Path
    """Folder that is watched."""
    out: Path
    """Folder of the reports."""
    state: State = State.STARTING
    """State."""
    problem: str | None = None
    """Message of what keeps it from working; None where nothing does."""
    notices: bool = False
    """Whether the system gives notice of new files, so that they need not be polled."""
    waiting: int = 0
    """Files in the inbox that are not done with."""
    skipped: Mapping[str, int] = field(default_factory=Counter)
    """Files and folders of the inbox that are not taken, by why."""
    already: int = 0
    """Files since the start that had a row already."""
    moved: int = 0
    """Files since the start that were moved."""
    not_moved: int = 0
    """Times since the start that a file could not be moved."""
    last: Mapping[str, str] | None = None
    """Last file with a row: its path, status, reason and time."""
    manifest: RunManifest | None = None
    """Manifest of the day's report, whose counts go on counting."""
    started: str = field(default_factory=utc_now)
    """Time of the start; ISO 8601, UTC."""
    _next: float = field(default=0.0, init=False)

    @property
    def free(self) -> int | None:
        """Free bytes on the disk of the reports; None where that is not known."""
        try:
            return shutil.disk_usage(self.out).free
        except OSError:
            return None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        manifest = self.manifest
        return {
            "state": self.state,
            "time": utc_now(),
            "problem": self.problem,
            "started": self.started,
            "pid": os.getpid(),
            "tool_version": __version__,
            "inbox": printable(str(self.inbox)),
            "notices": self.notices,
            "waiting": self.waiting,
            "skipped": dict(self.skipped),
            "already": self.already,
            "moved": self.moved,
            "not_moved": self.not_moved,
            "last": self.last,
            "free_bytes": self.free,
            "model": manifest.identity.model if manifest else None,
            "counts": manifest.counts if manifest else None,
            "distribution_shift": manifest.counts.shift if manifest else None,
        }

    def write(self, *, now: bool = False) -> bool:
        """Write the health file if it is due; return whether it was.

        A disk that is full keeps it as it was: its time is then older than :data:`EVERY`.
        """
        if not now and time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + EVERY
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, default=to_plain)
        with suppress(OSError):
            write_text_atomically(self.out / HEALTH, text + "\n")
        return True


def recorded_health(out: Path) -> Mapping[str, Any]:
    """Return what the health file in a folder says; empty where none can be read."""
    try:
        found = parse_json(read_at_most(out / HEALTH, MAX_JSON))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def owner_of(health: Path) -> int | None:
    """Return the number of the process that wrote a health file, None where that is unknown."""
    pid = recorded_health(health.parent).get("pid")
    return pid if isinstance(pid, int) and not isinstance(pid, bool) else None
