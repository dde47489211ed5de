"""START HERE for reports. One run into one CSV file: started, continued or found complete.

::

    lock -> check rows -> compare them with files -> manifest -> (outcomes -> sinks) ... -> manifest
"""

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from cxr_edge.errors import ReportError
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.run_end import Start, close_run, ended
from cxr_edge.pipeline.discover import ImageItem, Skipped
from cxr_edge.pipeline.source_folders import SourceFolders
from cxr_edge.reports.append_log import CsvKind, is_started, read_rows
from cxr_edge.reports.check_place import check_place
from cxr_edge.reports.csv_report import CsvSink
from cxr_edge.reports.manifest import ARRIVAL, Manifest, manifest_path, utc_now
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.row_marks import RunningMarks
from cxr_edge.reports.sink import Sink, Sinks
from cxr_edge.system.plural import counted
from cxr_edge.system.printable import cell_shown, printable

M = TypeVar("M", bound=Manifest)
T = TypeVar("T")


class Work(Protocol[M, T]):
    """One command's part of a run; :func:`run_resumable` has the rest.

    ``M`` is its manifest and ``T`` its outcomes, of which those that failed are a
    :class:`~cxr_edge.pipeline.outcome.Failure`. Methods are called in the order in which they stand
    here.
    """

    @property
    def kind(self) -> CsvKind:
        """Kind of the CSV file."""

    @property
    def out(self) -> Path:
        """Path of the CSV file."""

    @property
    def add_new(self) -> bool:
        """Whether files that have no row are taken in wherever they stand."""

    @property
    def arriving(self) -> bool:
        """Whether ``items`` waits for files, all without a row, for which nobody knows an end."""

    @property
    def in_flight(self) -> InFlightTable:
        """Table that the supervisor reads."""

    def items(self, skipped: Skipped) -> Iterator[ImageItem]:
        """Return the files to take, in order, and count those that are skipped."""

    def set_up(self) -> None:
        """Prepare what an earlier run may have left, once no other process can write there."""

    def manifest(self, skipped: Skipped) -> M:
        """Return the manifest with settings and empty counts."""

    def check(self, row: Mapping[str, str]) -> None:
        """Raise ReportError for a row of other settings: a manifest can be another file's."""

    def recall(self, row: Mapping[str, str], item: ImageItem, manifest: M) -> None:
        """Take a row that an earlier run wrote for a file, after its check."""

    def recalled(self, manifest: M) -> M:
        """Return the manifest of a continued run, once all such rows were taken."""

    def outcomes(self, items: Iterator[ImageItem]) -> Iterator[Sequence[T]]:
        """Yield the outcomes of the other files in batches, one for each file, in order."""

    def to_row(self, outcome: T) -> Sequence[str]:
        """Return an outcome's row."""


def run_resumable(
    work: Work[M, T], before: Sequence[Sink[T]] = (), after: Sequence[Sink[T]] = ()
) -> M:
    """Make the rows that a CSV file lacks, and append them.

    A file that is continued is byte for byte the one that an undisturbed run writes: it is kept up
    to its last whole row, and the next file is the first that has none. With ``add_new`` the next
    files are all that have none, and it may be sorted no more.

    Parameters
    ----------
    work
        The work.
    before
        Sinks that take an outcome before its row is written, so that a killed run loses none.
    after
        Sinks that take outcomes once their rows are in the file.

    Returns
    -------
    Manifest
        The manifest as it stands beside the file; its exit code is the command's.

    Raises
    ------
    UsageError
        A path cannot be read or written; nothing was done.
    ReportError
        The file cannot be written or continued.
    CxrError
        As a sink or the work raises it.
    """
    check_place(work.kind, work.out)
    with work.kind.alone_at(work.out):
        return _run(work, before, after)


def _run(work: Work[M, T], before: Sequence[Sink[T]], after: Sequence[Sink[T]]) -> M:
    skipped = Skipped()
    items = work.items(skipped)
    work.set_up()
    manifest = replace(work.manifest(skipped), started=utc_now(), pid=os.getpid())
    manifest, there = _catch_up(work, items, manifest)
    sink = CsvSink(work.kind, work.out, work.to_row, manifest.counts, there.kept, there.running)
    files = Sinks[T]([*before, sink])
    listeners = Sinks[T](after)
    start = Start.now(manifest)
    manifest.write(manifest_path(work.out))  # first: a report is never there without one
    folders = SourceFolders()
    batches = work.outcomes(folders.passing(there.left))  # closed last: its workers may take long
    try:
        files.begin(manifest)
        work.in_flight.rows = manifest.counts.rows
        listeners.begin(manifest)
        for batch in batches:
            folders.check(batch)
            files.write(batch)
            work.in_flight.rows = manifest.counts.rows
            listeners.write(batch)
    except BaseException as exc:
        _end(work, files, listeners, ended(manifest, exc, start), exc)
        if isinstance(batches, Generator):
            batches.close()  # with what it has open
        raise
    return _end(work, files, listeners, ended(manifest, None, start))


@dataclass(frozen=True)
class _Found:
    """A file as a run finds it."""

    left: Iterator[ImageItem]
    """Files that have no row."""
    kept: int = 0
    """Bytes of its whole rows."""
    running: RunningMarks | None = None
    """Digest of these bytes."""


def _catch_up(work: Work[M, T], items: Iterator[ImageItem], manifest: M) -> tuple[M, _Found]:
    """Take the rows that are there; return the manifest that counts them, and what is left."""
    kind, out = work.kind, work.out
    if not is_started(kind, out):
        return replace(manifest, report_started=manifest.started), _Found(items)

    from cxr_edge.reports.catch_up import StartedRows, catch_up, catch_up_by_path
    from cxr_edge.reports.check_rows import check_rows

    recorded = kind.recorded(out)
    kind.require_same(out, recorded.identity, manifest.settings)
    if lost := [disk for disk in recorded.disks if disk not in manifest.disks]:
        place = cell_shown(lost[0]) if kind.names_files else "a folder"
        why = f"cannot be continued: {place} was a disk of its own, and none is mounted there"
        raise kind.refused(out, why, "mount it and run the same command again, or ")
    running = check_rows(kind, out, recorded.digest, is_finished=recorded.finished)
    manifest = replace(
        manifest,
        report_started=recorded.report_started,
        order=recorded.order,
        earlier_versions=list(
            dict.fromkeys([*manifest.earlier_versions, *recorded.earlier_versions])
        ),
    )

    def count(row: Mapping[str, str]) -> None:
        work.check(row)
        manifest.counts.add(row)

    if work.arriving:
        stream = read_rows(kind, out)
        next(stream)  # the header
        for row, _ in stream:
            count(kind.named(row))
        return _continued(work, manifest, recorded, running), _Found(items, running.size, running)
    rows = StartedRows(kind, out, count, lambda row, item: work.recall(row, item, manifest))
    if work.add_new or recorded.order == ARRIVAL:
        new, is_sorted = catch_up_by_path(rows, items, manifest.gone)
        if new and not work.add_new:
            raise _has_new(kind, out, new)
        if new and not is_sorted:
            manifest = replace(manifest, order=ARRIVAL)
        items = iter(new)
    else:
        catch_up(rows, items)
    manifest = _continued(work, manifest, recorded, running)
    return manifest, _Found(items, running.size, running)


def _continued(work: Work[M, T], manifest: M, recorded: Recorded, running: RunningMarks) -> M:
    """Return the manifest of a continued run, once all rows were counted."""
    manifest.digest.take(running)
    manifest = work.recalled(manifest)
    if work.in_flight.started:  # an earlier child of this command wrote rows too
        return replace(manifest, started=recorded.started, continued_from=recorded.continued_from)
    return replace(manifest, continued_from=manifest.counts.rows)


def _has_new(kind: CsvKind, out: Path, new: Sequence[ImageItem]) -> ReportError:
    """Return the error of a file that takes in new files only when it is asked to."""
    count = counted(len(new), "file that has", "files that have")
    first = f" (first: {printable(new[0].path)})" if kind.names_files else ""
    return ReportError(
        f"{out} was continued with --add-new, and there are {count} no row{first}; run the same "
        f"command with --add-new to take them in, or {kind.advice}"
    )


def _end(
    work: Work[M, T],
    files: Sinks[T],
    listeners: Sinks[T],
    manifest: M,
    error: BaseException | None = None,
) -> M:
    return close_run(
        manifest,
        lambda last: last.write(manifest_path(work.out)),
        work.in_flight,
        files,
        listeners,
        error,
    )
