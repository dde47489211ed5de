"""A scan into shards: files, folder of shards and session."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.pipeline.sources import Sources
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.check_place import check_folder
from cxr_edge.reports.recorded import process_in
from cxr_edge.reports.run_manifest import preferred_in
from cxr_edge.reports.shard_folder import RUN, ShardFolder, kind_of, recorded_in
from cxr_edge.reports.shard_rows import ShardFormat
from cxr_edge.storage.local_output import LocalOutput
from cxr_edge.storage.lock import alone_at
from cxr_edge.storage.output_folder import OutputFolder

if TYPE_CHECKING:
    from cxr_edge.jobs.failure_limit import FailureLimit
    from cxr_edge.jobs.scan_engine import Cluster
    from cxr_edge.models.preferred import Preferred

DEFAULT_SIZE: Final = 1000
"""Files of a shard by default."""


@dataclass(frozen=True)
class ShardJob:
    """One scan into a folder of shards."""

    paths: Sequence[str | Path]
    """Files and folders to scan."""
    folder: OutputFolder
    """Folder of the shards."""
    session: Session
    """Model and settings."""
    size: int = DEFAULT_SIZE
    """Files of a shard."""
    format: ShardFormat = ShardFormat.CSV
    """Format of the shards."""
    fresh: bool = False
    """Whether shards that are there are set aside."""
    max_failures: "FailureLimit | None" = None
    """Limit on failed files, beyond which the scan stops."""
    cluster: "Cluster | None" = None
    """Cluster that works on the files; threads of this process by default."""
    in_flight: InFlightTable = field(default_factory=InFlightTable)
    """Table that the supervisor reads."""

    @classmethod
    def open(
        cls,
        config: ScanConfig,
        paths: Sequence[str | Path],
        folder: OutputFolder,
        *,
        size: int = DEFAULT_SIZE,
        format: ShardFormat = ShardFormat.CSV,  # noqa: A002  (the name of the option)
        fresh: bool = False,
        max_failures: "FailureLimit | None" = None,
        cluster: "Cluster | None" = None,
        in_flight: InFlightTable | None = None,
    ) -> "ShardJob":
        """Check the places, and open a session; one that goes with shards to be continued.

        Parameters
        ----------
        config
            Settings.
        paths, folder, size, format, fresh, max_failures, cluster, in_flight
            As the fields.

        Raises
        ------
        UsageError
            A path, a place or a setting cannot work.
        ReportError
            The folder has files of others.
        MissingExtra
            The format needs more than is installed.
        ModelError, SelfTestFailed
            As :meth:`cxr_edge.jobs.session.Session.open`.
        """
        resolve_roots(paths)
        format.require()
        if cluster:
            config = cluster.settled(config)
        kind = kind_of(folder)
        table = in_flight or InFlightTable()
        new = fresh and not table.started
        if isinstance(folder, LocalOutput):
            _check_local(folder.path, paths)
        else:
            _check_remote(folder.place, paths, fresh=fresh)
        if not new:
            ShardFolder.read(folder, kind).require_ours(folder, kind)
        preferred = None if new else _preferred(folder, kind, same_command=table.started)
        session = Session.open(config, preferred, chosen=True)
        return cls(paths, folder, session, size, format, fresh, max_failures, cluster, table)

    @property
    def kind(self) -> CsvKind:
        """Kind of the folder, for messages."""
        return kind_of(self.folder)

    @property
    def sources(self) -> Sources:
        """Files to scan."""
        return Sources(self.paths, [])

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes away from the folder; in a bucket, each shard is put once.

        Raises
        ------
        ReportError
            Another process writes it, or it cannot be made.
        """
        if not isinstance(self.folder, LocalOutput):
            return nullcontext()
        run = self.folder.path / RUN
        try:
            run.parent.mkdir(exist_ok=True)
        except OSError as exc:
            why = f"{run.parent} cannot be made: {exc.strerror}; choose another --shards"
            raise ReportError(why) from exc
        return alone_at(run, "scan", "--shards", process_in)


def _check_local(folder: Path, paths: Sequence[str | Path]) -> None:
    if not folder.resolve().parent.is_dir():
        raise UsageError(f"--shards: the folder {folder.parent} does not exist; make it first")
    check_folder("--shards", folder, paths, None, "shards")


def _check_remote(place: str, paths: Sequence[str | Path], *, fresh: bool) -> None:
    if fresh:
        raise UsageError(
            "--fresh keeps old shards of a local folder under another name, and cannot for "
            f"{place}; choose another --shards"
        )
    for path in map(str, paths):
        if f"{place}/".startswith(f"{path.rstrip('/')}/"):
            raise UsageError(
                f"--shards: {place} is inside {path}, so its shards would be scanned; choose a "
                "folder outside of it"
            )


def _preferred(folder: OutputFolder, kind: CsvKind, *, same_command: bool) -> "Preferred | None":
    """Return what shards that may be there were started with, None when that is not known."""
    try:
        return preferred_in(recorded_in(folder, kind), same_command=same_command)
    except ReportError:  # told when they are continued
        return None
