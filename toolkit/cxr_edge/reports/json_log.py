"""The sink of ``cxr scan --log-json``: one JSON object per line; docs/log.md lists the fields."""

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from cxr_edge.pipeline.outcome import Failure
from cxr_edge.reports.csv_report import REPORT, row_of
from cxr_edge.reports.manifest import Manifest, to_plain
from cxr_edge.reports.progress import Meter
from cxr_edge.reports.sink import RunResult

EVERY: Final = 5.0
"""Seconds between two events of progress, at least."""

_START: Final = (
    "tool_version",
    "model",
    "model_sha256",
    "runtime_asked",
    "runtime",
    "runtime_why",
    "device_asked",
    "provider",
    "batch_size",
    "batch_why",
    "workers",
    "threads",
    "self_test",
    "operating_point",
    "threshold",
    "continued_from",
)
"""Fields of the event ``start``, as in the manifest or its identity."""

_FAILED: Final = ("path", "reason", "detail")
"""Fields of the event ``failed``, as in the report."""

_END: Final = (
    "exit_code",
    "counts",
    "skipped",
    "distribution_shift",
    "continued_from",
    "files_per_second",
)
"""Fields of the event ``end``, as in the manifest."""


def write_event(stream: TextIO, event: str, **fields: object) -> None:
    """Write one line."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"event": event, "time": now, **fields}, default=to_plain)
    # A reader of the log that went away does not stop a scan: the report has it all.
    with contextlib.suppress(OSError):
        stream.write(line + "\n")
        stream.flush()


class JsonLog:
    """The sink that writes an event for what happens."""

    def __init__(self, meter: Meter, out: str, stream: TextIO) -> None:
        """Take the meter of progress, the report's path, and the stream to write to."""
        self._meter = meter
        self._out = out
        self._stream = stream
        self._next = 0.0

    def begin(self, manifest: Manifest) -> None:
        """Write ``start``."""
        # All is ready before it is written: the next thing can be an interrupt.
        self._meter.begin(manifest)
        self._next = time.monotonic() + EVERY
        content = manifest.content()
        known = {**content, **manifest.settings, "batch_size": content["batch_size"]}
        self._write("start", {"out": self._out} | {key: known[key] for key in _START})

    def write(self, outcomes: Sequence[object]) -> None:
        """Write ``failed`` for each file that did, and ``progress`` when it is time."""
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                row = REPORT.named(row_of(outcome, ""))
                self._write("failed", {key: row[key] for key in _FAILED})
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            self._progress()

    def close(self, result: RunResult) -> None:
        """Write the last ``progress``, and ``end`` when the scan finished."""
        self._meter.stop()
        self._progress()
        if result.error is None:
            content = result.manifest.content()
            self._write("end", {key: content[key] for key in _END})

    def _progress(self) -> None:
        self._write("progress", asdict(self._meter.read()))

    def _write(self, event: str, fields: Mapping[str, Any]) -> None:
        write_event(self._stream, event, **fields)
