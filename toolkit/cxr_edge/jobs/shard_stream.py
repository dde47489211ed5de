"""The shards of a run in their order: some are there, and the others are made."""

import hashlib
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from cxr_edge.jobs.resume import ChangedFiles
from cxr_edge.jobs.shard_cut import FILES_BACK, Shard, other_files, read_shard
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.reports.append_log import SYNC_EVERY
from cxr_edge.reports.csv_report import REPORT, row_of
from cxr_edge.reports.made_with import MadeWith
from cxr_edge.reports.row_marks import RunningMarks
from cxr_edge.reports.shard_folder import ShardFolder, edited
from cxr_edge.reports.shard_manifest import ShardManifest, shard_line, unwritable
from cxr_edge.system.plural import counted


@dataclass
class _Pending:
    """A shard whose place in the digest has not come yet."""

    shard: Shard
    rows: list[Sequence[str]] = field(default_factory=list)
    """Rows that are there, of one that is scanned."""
    sha256: str = ""
    """Digest of one that was written; empty before."""


class Shards:
    """The shards of a run: those that are there, and those that are made.

    An engine consumes the missing files in the thread that takes their outcomes.
    """

    def __init__(
        self, job: ShardJob, manifest: ShardManifest, there: ShardFolder, cuts: Iterator[Shard]
    ) -> None:
        """Begin before the first shard.

        Parameters
        ----------
        job
            The scan.
        manifest
            Manifest with settings and empty counts.
        there
            The content of the folder.
        cuts
            All shards of the listing, in order.
        """
        self._job, self._there, self._cuts = job, there, cuts
        self.manifest = manifest
        """Manifest, with the counts of the shards that are whole."""
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
        there = replace(shard, items=())  # as many as there are may wait behind one that is missing
        self._pending.append(_Pending(there, sha256=stored.sha256))
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
