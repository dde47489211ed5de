"""``cxr scan --log-json``: what happens, as one JSON object a line; docs/log.md has the fields."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TextIO

import typer

from cxr_edge.errors import CxrError, ExitCode

if TYPE_CHECKING:
    from cxr_edge.pipeline.outcome import Outcome
    from cxr_edge.reports.manifest import RunManifest
    from cxr_edge.reports.progress import Meter

EVERY: Final = 5.0
"""Seconds between two events of progress, at least."""

_INTERRUPTED: Final = "interrupted: the same command finishes the report"

P = ParamSpec("P")


def write_event(stream: TextIO, event: str, **fields: object) -> None:
    """Write one line."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"event": event, "time": now, **fields})
    # A reader of the log that went away is no reason to end a scan: the report has it all.
    with contextlib.suppress(OSError):
        stream.write(line + "\n")
        stream.flush()


class JsonLog:
    """An observer that writes."""

    def __init__(self, meter: "Meter", out: str, stream: TextIO) -> None:
        """Take what measures, the report's path, and where to write."""
        self._meter = meter
        self._out = out
        self._stream = stream
        self._manifest: RunManifest | None = None
        self._next = 0.0

    def begun(self, manifest: "RunManifest") -> None:
        """Write ``start``."""
        # All is ready before it is written: the next thing can be an interrupt.
        self._meter.begin(manifest.counts.rows)
        self._next = time.monotonic() + EVERY
        self._manifest = manifest
        identity = manifest.identity
        self._write(
            "start",
            tool_version=manifest.tool_version,
            out=self._out,
            model=identity.model,
            model_sha256=identity.model_sha256,
            runtime=identity.runtime,
            runtime_asked=manifest.runtime_asked,
            runtime_why=manifest.runtime_why,
            provider=identity.provider,
            device_asked=manifest.device_asked,
            batch_size=manifest.batch_size,
            batch_why=manifest.batch_why,
            workers=manifest.workers,
            threads=manifest.threads,
            self_test=manifest.self_test,
            operating_point=manifest.operating_point,
            threshold=identity.threshold,
            continued_from=manifest.continued_from,
        )

    def written(self, outcomes: Sequence["Outcome"]) -> None:
        """Write ``failed`` for each file that did, and ``progress`` when it is time."""
        from cxr_edge.pipeline.outcome import Failure
        from cxr_edge.reports.csv_report import REPORT, row_of

        for outcome in outcomes:
            if isinstance(outcome, Failure):
                row = REPORT.named(row_of(outcome, ""))
                self._write("failed", **{key: row[key] for key in ("path", "reason", "detail")})
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            self._progress()

    def ended(self, manifest: "RunManifest") -> None:
        """Write ``end``, after the last ``progress``."""
        self._progress()
        self._manifest = None
        self._write(
            "end",
            exit_code=manifest.exit_code,
            counts=vars(manifest.counts),
            passed_over=manifest.passed_over,
            continued_from=manifest.continued_from,
            files_per_second=manifest.files_per_second,
        )

    def close(self) -> None:
        """Write the last ``progress`` of a scan that was stopped."""
        self._meter.stop()
        self._progress()

    def _progress(self) -> None:
        if self._manifest:
            self._write("progress", **asdict(self._meter.read(self._manifest.counts)))

    def _write(self, event: str, **fields: object) -> None:
        write_event(self._stream, event, **fields)


def tells_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command that has ``log_json`` write what stops it as the event ``error``."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs["log_json"])
        try:
            command(*args, **kwargs)
        except CxrError as exc:
            if not as_json:
                raise
            write_event(sys.stderr, "error", message=str(exc), exit_code=exc.exit_code)
            raise typer.Exit(exc.exit_code) from exc
        except KeyboardInterrupt:
            if not as_json:
                typer.echo(_INTERRUPTED, err=True)
                raise
            code = ExitCode.INTERRUPTED
            write_event(sys.stderr, "error", message=_INTERRUPTED, exit_code=code)
            raise typer.Exit(code) from None

    return told
