"""One scan into a folder of shards, each of which is written once and whole.

::

    lock -> listing -> shards -> (those that are there: rows counted)
                              -> (those that are missing: files -> Engine -> outcomes -> shard) ...

Killed at any moment and started again, it skips the shards that are there, so all rows are there
once, and the bytes of all shards are those of an undisturbed run.
"""

import copy
import os
from collections.abc import Generator, Sequence
from dataclasses import replace

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.run_end import Start, close_run, ended
from cxr_edge.jobs.scan_engine import ScanEngine, open_engine
from cxr_edge.jobs.session_record import record_of
from cxr_edge.jobs.shard_cut import cut
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.jobs.shard_stream import Shards
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.roots import named_roots
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.pipeline.source_folders import SourceFolders
from cxr_edge.reports.manifest import utc_now
from cxr_edge.reports.recorded import RESTORE, Recorded
from cxr_edge.reports.shard_folder import RUN, ShardFolder, set_aside
from cxr_edge.reports.shard_manifest import ShardList, ShardManifest, unwritable
from cxr_edge.reports.sink import Sink, Sinks
from cxr_edge.storage.local_output import LocalOutput
from cxr_edge.system.printable import cell_shown


def run_shards(job: ShardJob, sinks: Sequence[Sink[Outcome]] = ()) -> ShardManifest:
    """Scan into shards, continuing those that an earlier run wrote.

    Parameters
    ----------
    job
        Files, folder of shards and session.
    sinks
        Sinks that get every batch as it comes, before its shard is whole.

    Returns
    -------
    ShardManifest
        The manifest as it stands in the folder; its exit code is the command's.

    Raises
    ------
    UsageError
        A path is wrong; nothing was done.
    ReportError
        The shards cannot be written or continued, or more files failed than allowed.
    ModelError
        The runtime failed.
    """
    listeners = [*sinks]
    if job.max_failures:
        from cxr_edge.jobs.failure_limit import FailureStop

        listeners.append(FailureStop(job.max_failures))
    with job.alone():
        if isinstance(job.folder, LocalOutput):
            if job.fresh and not job.in_flight.started:
                set_aside(job.folder, job.kind)
            job.folder.clean()
        with open_engine(job.session, job.in_flight, job.cluster) as engine:
            return _run(job, engine, Sinks(listeners))


def _run(
    job: ShardJob, engine: ScanEngine, listeners: Sinks[Outcome], *, may_join: bool = True
) -> ShardManifest:
    skipped = Skipped()
    items = job.sources.items(skipped)
    record = replace(
        record_of(job.session, skipped, named_roots(job.paths)),
        engine=engine.name,
        workers=engine.workers,
    )
    now = utc_now()
    manifest = replace(
        ShardManifest.of(record, ShardList(job.size, job.format)),
        started=now,
        report_started=now,
        pid=os.getpid(),
    )
    there = ShardFolder.read(job.folder, job.kind)
    there.require_ours(job.folder, job.kind)
    if there.recorded:
        manifest = _continued(job, there.recorded, manifest)
    shards = Shards(job, manifest, there, cut(items, job.size, manifest.settings, job.format))
    shards.take_first()
    manifest = shards.note()
    if there.recorded is None and not manifest.begin(job.folder):
        if not may_join:
            raise ReportError(f"{job.folder.place}: expected {RUN} in its listing, got none")
        return _run(job, engine, listeners, may_join=False)  # another run has begun meanwhile
    start = Start.now(manifest)
    live = copy.deepcopy(manifest.counts)  # those of a shard that is not whole yet are shown too
    folders = SourceFolders()
    batches = engine.outcomes(folders.passing(shards.missing()))
    try:
        manifest.put(job.folder)
        _require_exclusive(job, manifest)
        job.in_flight.rows = live.rows
        listeners.begin(replace(manifest, counts=live))
        for batch in batches:
            folders.check(batch)
            for row in shards.add(batch):
                live.add(row)
            job.in_flight.rows = live.rows
            listeners.write(batch)
    except BaseException as exc:
        _end(job, listeners, shards, start, exc)
        if isinstance(batches, Generator):
            batches.close()
        raise
    return _end(job, listeners, shards, start)


def _continued(job: ShardJob, recorded: Recorded, manifest: ShardManifest) -> ShardManifest:
    """Return the manifest of a run that continues another; refuse where it cannot."""
    kind, place = job.kind, job.folder.place
    layout = ("size", "format")
    known = recorded.fields.get("shards")
    before = {f"shard_{key}": known.get(key) for key in layout} if isinstance(known, dict) else {}
    now = {f"shard_{key}": getattr(manifest.shards, key) for key in layout}
    kind.require_same(place, {**recorded.identity, **before}, {**manifest.settings, **now})
    if lost := [disk for disk in recorded.disks if disk not in manifest.disks]:
        why = f"cannot be continued: {cell_shown(lost[0])} was a disk of its own, and none is there"
        raise kind.refused(place, why, "mount it and run the same command again, or ")
    try:
        marks = ShardList.marks_in(recorded.fields)
    except ValueError as exc:
        why = f"cannot be continued: {RUN} is damaged ({exc})"
        raise kind.refused(place, why, RESTORE) from exc
    same_command = job.in_flight.started
    return replace(
        manifest,
        shards=replace(manifest.shards, marks=marks),
        report_started=recorded.report_started,
        started=recorded.started if same_command else manifest.started,
        earlier_versions=recorded.earlier_versions,
    )


def _require_exclusive(job: ShardJob, manifest: ShardManifest) -> None:
    """Refuse a server that replaces a file although it is asked not to; raises UsageError."""
    if isinstance(job.folder, LocalOutput):
        return
    try:
        replaced = job.folder.add(RUN, manifest.encoded)  # the bytes that are there
    except OSError as exc:
        raise unwritable(job.folder, exc) from exc
    if replaced:
        raise UsageError(
            f"--shards: {job.folder.place}: expected a server that puts a file only where none is "
            "(If-None-Match), got one that replaces it, so two runs could write one shard; choose "
            "another --shards"
        )


def _end(
    job: ShardJob,
    listeners: Sinks[Outcome],
    shards: Shards,
    start: Start,
    error: BaseException | None = None,
) -> ShardManifest:
    manifest = ended(shards.note(), error, start)
    return close_run(
        manifest, lambda last: last.put(job.folder), job.in_flight, Sinks([]), listeners, error
    )
