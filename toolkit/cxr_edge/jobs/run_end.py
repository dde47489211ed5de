"""The end of a run: its manifest with times, rate and exit code."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, Self, TypeVar

from cxr_edge.errors import CxrError, ExitCode
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.reports.manifest import Manifest, utc_now
from cxr_edge.reports.sink import RunResult, Sinks

M = TypeVar("M", bound=Manifest)
T = TypeVar("T")


class Start(NamedTuple):
    """Start of the writing of rows."""

    clock: float
    """Time by the clock, seconds."""
    rows: int
    """Rows that were there."""

    @classmethod
    def now(cls, manifest: Manifest) -> Self:
        """Return the start of a run that starts now."""
        return cls(time.monotonic(), manifest.counts.rows)


def ended(manifest: M, error: BaseException | None, start: Start) -> M:
    """Return the manifest of a run that has ended now."""
    done = manifest.counts.rows - start.rows
    seconds = time.monotonic() - start.clock
    return replace(
        manifest,
        ended=utc_now(),
        exit_code=exit_code_of(manifest, error),
        files_per_second=round(done / seconds, 2) if done else None,
        pid=None,
    )


def exit_code_of(manifest: Manifest, error: BaseException | None) -> ExitCode:
    """Return the exit code of a run that ended with an error, or with none."""
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if isinstance(error, CxrError):
        return error.exit_code
    if error is not None:
        return ExitCode.ERROR
    incomplete = manifest.counts.failed or manifest.not_read
    return ExitCode.SOME_FAILED if incomplete else ExitCode.DONE


def close_run(
    manifest: M,
    write: Callable[[M], None],
    in_flight: InFlightTable,
    files: Sinks[T],
    listeners: Sinks[T],
    error: BaseException | None = None,
) -> M:
    """Close the sinks and write the last manifest; an error of this comes after the run's own.

    Parameters
    ----------
    manifest
        Manifest of the run that has ended.
    write
        Function that writes it where it belongs.
    in_flight
        Table that the supervisor reads.
    files
        Sinks that are closed before the manifest is written.
    listeners
        Sinks that are closed last.
    error
        Error that ended the run; None when it finished.

    Returns
    -------
    Manifest
        The manifest that was written.

    Raises
    ------
    CxrError
        A sink or the manifest raised it, and the run ended without an error.
    """
    first = error
    try:
        files.close(RunResult(manifest, first))
    except CxrError as exc:
        first = first or exc
        manifest = replace(manifest, exit_code=exit_code_of(manifest, first))
    try:
        write(manifest)
        in_flight.ended(manifest.exit_code or 0)
    except CxrError as exc:
        first = first or exc
    try:
        listeners.close(RunResult(manifest, first))
    except CxrError as exc:
        first = first or exc
    if first is not None and first is not error:
        raise first
    return manifest
