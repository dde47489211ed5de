"""One scan into a folder of shards, each of which is written once and whole.

::

    lock -> listing -> shards -> (those that are there: rows counted)
                              -> (those that are missing: files -> Engine -> outcomes -> shard) ...

Killed at any moment and started again, it skips the shards that are there, so all rows are there
once, and the bytes of all shards are those of an undisturbed run.
"""

import copy
import hashlib
import os
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from cxr_edge.jobs.resume import ChangedFiles
from cxr_edge.jobs.run_end import Start, close_run, ended
from cxr_edge.jobs.scan_engine import ScanEngine, open_engine
from cxr_edge.jobs.session_record import record_of
from cxr_edge.jobs.shard_cut import FILES_BACK, Shard, cut, other_files, read_shard
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.pipeline.discover import ImageItem, Skipped
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.roots import named_roots
from cxr_edge.pipeline.source_folders import SourceFolders
from cxr_edge.reports.append_log import SYNC_EVERY
from cxr_edge.reports.csv_report import REPORT, row_of
from cxr_edge.reports.made_with import MadeWith
from cxr_edge.reports.manifest import utc_now
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.row_marks import RunningMarks
from cxr_edge.reports.shard_folder import ShardFolder, edited, set_aside
from cxr_edge.reports.shard_manifest import ShardList, ShardManifest, shard_line, unwritable
from cxr_edge.reports.sink import Sink, Sinks
from cxr_edge.storage.local_output import LocalOutput
from cxr_edge.system.plural import counted
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


def _run(job: ShardJob, engine: ScanEngine, listeners: Sinks[Outcome]) -> ShardManifest:
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
    shards = _Shards(job, manifest, there, cut(items, job.size, manifest.settings, job.format))
    shards.take_first()
    manifest = shards.note()
    start = Start.now(manifest)
    live = copy.deepcopy(manifest.counts)  # those of a shard that is not whole yet are shown too
    folders = SourceFolders()
    batches = engine.outcomes(folders.passing(shards.missing()))
    try:
        manifest.put(job.folder)
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
    same_command = job.in_flight.started
    return replace(
        manifest,
        report_started=recorded.report_started,
        started=recorded.started if same_command else manifest.started,
        earlier_versions=recorded.earlier_versions,
    )


@dataclass
class _Pending:
    """A shard whose place in the digest has not come yet."""

    shard: Shard
    rows: list[Sequence[str]] = field(default_factory=list)
    """Rows that are there, of one that is scanned."""
    sha256: str = ""
    """Digest of one that was written; empty before."""


class _Shards:
    """The shards of a run: those that are there, and those that are made."""

    def __init__(
        self, job: ShardJob, manifest: ShardManifest, there: ShardFolder, cuts: Iterator[Shard]
    ) -> None:
        self._job, self._there, self._cuts = job, there, cuts
        self.manifest = manifest
        self._marks = RunningMarks()
        self._marks.add(b"\n")  # in place of a header
        self._recorded = there.recorded.digest if there.recorded else None
        self._pending: deque[_Pending] = deque()
        self._changed = ChangedFiles(job.folder.place, job.kind)
        self._found = 0
        self._put_at = time.monotonic()
        self._last = 0
        self._made_with = MadeWith(
            manifest.identity.model,
            manifest.identity.model_sha256,
            manifest.identity.labels,
            manifest.identity.threshold,
            manifest.operating_point,
        )

    def take_first(self) -> None:
        """Take the shards that are there before the first that is missing."""
        for shard in self._cuts:
            if not self._is_there(shard):
                self._cuts = chain([shard], self._cuts)
                break
            self._take(shard)
        else:
            self._require_no_more()
        self._changed.refuse_others()
        before = self._found
        if self._job.in_flight.started and self._there.recorded:
            before = self._there.recorded.continued_from
        self.manifest = replace(self.manifest, continued_from=before)

    def missing(self) -> Iterator[ImageItem]:
        """Yield the files of the shards that are missing, as one stream."""
        for shard in self._cuts:
            if self._is_there(shard):
                self._take(shard)
            else:
                self._pending.append(_Pending(shard))
                yield from shard.items
        self._require_no_more()

    def add(self, outcomes: Sequence[Outcome]) -> Iterator[Mapping[str, str]]:
        """Take the next outcomes, and write the shards that are whole; yield their rows."""
        for outcome in outcomes:
            row = row_of(outcome, self._job.session.model.tag)
            first = self._pending[0]
            first.rows.append(row)
            if len(first.rows) == len(first.shard.items):
                self._write(first)
            yield REPORT.named(row)

    def note(self) -> ShardManifest:
        """Return the manifest with all shards that are written."""
        self.manifest.digest.take(self._marks)
        self.manifest = replace(
            self.manifest,
            changed=self._changed.count,
            first_changed=self._changed.first,
        )
        return self.manifest

    def _is_there(self, shard: Shard) -> bool:
        self._last = shard.number
        name = self._there.shards.get(shard.number)
        if name is not None and name != shard.name:
            raise other_files(self._job.folder, shard, name, self._job.kind, self._job.format)
        return name is not None

    def _take(self, shard: Shard) -> None:
        """Take a shard that is there."""
        stored = read_shard(self._job.folder, shard, self._job.kind, self._job.format)
        for row, item in zip(stored.rows, shard.items, strict=True):
            self._changed.look(row, item, self.manifest.report_started)
            self.manifest.counts.add(row)
        self._found += len(stored.rows)
        self._pending.append(_Pending(shard, sha256=stored.sha256))
        self._pass_on()

    def _write(self, first: _Pending) -> None:
        """Write a shard whose rows are all there, unless another run has meanwhile."""
        job, shard = self._job, first.shard
        settings = {**self.manifest.settings, "notice": self.manifest.notice}
        data = job.format.encoded(first.rows, self._made_with, settings)
        try:
            is_ours = job.folder.add(shard.name, data)
        except OSError as exc:
            raise unwritable(job.folder, exc) from exc
        if is_ours:
            rows: Sequence[Mapping[str, str]] = [REPORT.named(row) for row in first.rows]
            first.sha256 = hashlib.sha256(data).hexdigest()
        else:
            stored = read_shard(job.folder, shard, job.kind, job.format)
            rows, first.sha256 = stored.rows, stored.sha256
        first.rows.clear()
        for row in rows:
            self.manifest.counts.add(row)
        if self._recorded and shard.number <= self._recorded.rows:
            self._recorded = None  # it was removed, and may have other rows now
        self._pass_on()
        if time.monotonic() - self._put_at > SYNC_EVERY:
            self.note().put(job.folder)
            self._put_at = time.monotonic()

    def _pass_on(self) -> None:
        """Take into the digest what is there up to the first shard that is not."""
        while self._pending and (sha256 := self._pending[0].sha256):
            name = self._pending.popleft().shard.name
            self._marks.add(shard_line(name, sha256))
            self.manifest.shards.add(name)
            if self._recorded and self._recorded.verdict(self._marks) is False:
                raise edited(self._job.folder, self._job.kind, name)

    def _require_no_more(self) -> None:
        more = [number for number in self._there.shards if number > self._last]
        if more:
            kind, place = self._job.kind, self._job.folder.place
            which = counted(len(more), "shard is", "shards are")
            why = f"cannot be continued: {which} of files that are gone (from {min(more):,} on)"
            raise kind.refused(place, why, FILES_BACK)


def _end(
    job: ShardJob,
    listeners: Sinks[Outcome],
    shards: _Shards,
    start: Start,
    error: BaseException | None = None,
) -> ShardManifest:
    manifest = ended(shards.note(), error, start)
    return close_run(
        manifest, lambda last: last.put(job.folder), job.in_flight, Sinks([]), listeners, error
    )
