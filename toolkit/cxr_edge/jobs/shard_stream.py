"""The shards of a run in their order: some are there, and the others are made."""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from cxr_edge.errors import ReportError
from cxr_edge.jobs.resume import ChangedFiles
from cxr_edge.jobs.shard_cut import FILES_BACK, Shard, other_files, read_shard
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.reports.csv_report import REPORT, row_of
from cxr_edge.reports.made_with import MadeWith
from cxr_edge.reports.shard_folder import ShardFolder, edited
from cxr_edge.reports.shard_manifest import MOST, ShardManifest, unwritable
from cxr_edge.system.plural import counted


@dataclass
class _Pending:
    """A shard that is scanned."""

    shard: Shard
    rows: list[Sequence[str]] = field(default_factory=list)
    """Rows that are there."""


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
            Manifest with settings, empty counts, and the marks of earlier runs.
        there
            The content of the folder.
        cuts
            All shards of the listing, in order.
        """
        self._job, self._there, self._cuts = job, there, cuts
        self.manifest = manifest
        """Manifest, with the counts of the shards that are whole."""
        self._pending: deque[_Pending] = deque()
        self._changed = ChangedFiles(job.folder.place, job.kind)
        self._found = 0
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
        self.manifest = replace(
            self.manifest,
            changed=self._changed.count,
            first_changed=self._changed.first,
        )
        return self.manifest

    def _is_there(self, shard: Shard) -> bool:
        """Return whether a shard is there and known; raises ReportError if it is of other files."""
        self._last = shard.number
        name = self._there.shards.get(shard.number)
        if name is not None and name != shard.name:
            raise other_files(self._job.folder, shard, name, self._job.kind, self._job.format)
        return name is not None and self.manifest.shards.is_known(shard.number)

    def _take(self, shard: Shard) -> None:
        """Take a shard that is there."""
        stored = read_shard(self._job.folder, shard, self._job.kind, self._job.format)
        if not self.manifest.shards.verdict(shard.number, stored.sha256):
            raise edited(self._job.folder, self._job.kind, shard.name)
        for row, item in zip(stored.rows, shard.items, strict=True):
            self._changed.look(row, item, self.manifest.report_started)
            self.manifest.counts.add(row)
        self._found += len(stored.rows)
        self.manifest.shards.add(shard.name)

    def _write(self, first: _Pending) -> None:
        """Write a shard whose rows are all there, unless another run has meanwhile.

        Its mark is written first, so that a shard that is there has one wherever a run is killed.
        """
        job, shard, shards = self._job, first.shard, self.manifest.shards
        if shard.number > MOST:
            raise ReportError(
                f"expected at most {MOST:,} shards, got more; scan with a larger --shard-size into "
                "another --shards"
            )
        settings = {**self.manifest.settings, "notice": self.manifest.notice}
        data = job.format.encoded(first.rows, self._made_with, settings)
        sha256 = hashlib.sha256(data).hexdigest()
        shards.mark(shard.number, sha256)
        self.note().put(job.folder)
        try:
            is_ours = job.folder.add(shard.name, data)
        except OSError as exc:
            raise unwritable(job.folder, exc) from exc
        rows: Sequence[Mapping[str, str]] = [REPORT.named(row) for row in first.rows]
        if not is_ours:
            stored = read_shard(job.folder, shard, job.kind, job.format)
            was_unknown = shard.number in self._there.shards
            if was_unknown and stored.sha256 != sha256:
                raise edited(job.folder, job.kind, shard.name)
            shards.mark(shard.number, stored.sha256)
            rows = stored.rows
        self._pending.popleft()
        shards.add(shard.name)
        for row in rows:
            self.manifest.counts.add(row)

    def _require_no_more(self) -> None:
        more = [number for number in self._there.shards if number > self._last]
        if more:
            kind, place = self._job.kind, self._job.folder.place
            which = counted(len(more), "shard is", "shards are")
            why = f"cannot be continued: {which} of files that are gone (from {min(more):,} on)"
            raise kind.refused(place, why, FILES_BACK)
        self.manifest.shards.cut(self._last)
