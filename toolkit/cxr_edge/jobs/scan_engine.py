"""The place where the files of a scan are worked on: threads here, or machines of a cluster."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from cxr_edge.errors import ImageError, Unreadable, UsageError
from cxr_edge.isolation.heartbeat import TIMEOUT, InFlightTable
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Failure, Outcome
from cxr_edge.pipeline.scan import scan
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.reports.run_manifest import THREADS
from cxr_edge.runtimes.providers import AUTO, CPU
from cxr_edge.storage.read_file import read_file
from cxr_edge.system.printable import printable

if TYPE_CHECKING:
    from cxr_edge.jobs.remote_scan import RemoteScan, Scored
    from cxr_edge.jobs.session import ScanConfig, Session
    from cxr_edge.pipeline.classify import Draw
    from cxr_edge.pipeline.ray_engine import RayEngine

RAY: Final = "ray"
"""Name of the workers of a Ray cluster."""

_GPUS: Final = frozenset({"cuda", "rocm", "tensorrt"})
"""Devices that a cluster hands out as GPUs."""

_SAME_FOLDER: Final = "mount the folder under the same path on all machines of the cluster"

_SAME_SERVER: Final = (
    "let all machines of the cluster reach the server, with the same credentials, or use fewer "
    "--workers where it has too much to do"
)

CHUNK: Final = 32
"""Files that a worker of a cluster gets at once."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that a scan runs on."""

    address: str | None = None
    """Address, as of :class:`cxr_edge.pipeline.ray_engine.RayEngine`; None for one of this machine
    alone."""
    workers: int | None = None
    """Count of processes that scan; None for as many as the cluster has CPUs."""
    memory: int = 0
    """Bytes that each may hold; 0 for a share of what is free."""
    tell: Callable[[str], object] = lambda _message: None
    """Told of trouble that may pass."""

    def settled(self, config: "ScanConfig") -> "ScanConfig":
        """Return the settings of a scan: on CPUs, which all machines have, unless one is named.

        The workers are those of the cluster.
        """
        return replace(config, device=CPU if config.device == AUTO else config.device, workers=None)


class ScanEngine(Protocol):
    """A place where files are scanned."""

    @property
    def name(self) -> str:
        """Name, as in the run manifest."""

    @property
    def workers(self) -> int:
        """Files processed in parallel."""

    def outcomes(self, items: Iterable[ImageItem]) -> Iterator[Sequence[Outcome]]:
        """Yield the outcomes of files in batches, one for each file, in order."""


@contextmanager
def open_engine(
    session: "Session",
    in_flight: InFlightTable,
    cluster: Cluster | None = None,
    draw: "Draw | None" = None,
) -> Iterator[ScanEngine]:
    """Open the place where the files of a scan are worked on, while the context lasts.

    Parameters
    ----------
    session
        Model and settings.
    in_flight
        Table that the supervisor reads.
    cluster
        Cluster to work on; threads of this process by default.
    draw
        Draws heat maps, which no cluster does.

    Raises
    ------
    MissingExtra, UsageError, CxrError
        As :meth:`cxr_edge.pipeline.ray_engine.RayEngine.__enter__`.
    """
    if cluster is None:
        yield _Threads(session, in_flight, draw)
        return

    from cxr_edge.jobs.remote_scan import RemoteScan
    from cxr_edge.pipeline.ray_engine import RayEngine

    remote = RemoteScan.of(session, in_flight.seconds or TIMEOUT, cluster.memory)
    threads = session.config.threads or 1
    gpus = session.config.device in _GPUS
    with RayEngine(cluster.address, cluster.workers, threads, gpus, cluster.tell) as engine:
        yield _Workers(engine, remote)


@dataclass(frozen=True)
class _Threads:
    """Threads of this process."""

    session: "Session"
    in_flight: InFlightTable
    draw: "Draw | None"
    name: str = THREADS

    @property
    def workers(self) -> int:
        return self.session.workers

    def outcomes(self, items: Iterable[ImageItem]) -> Iterator[Sequence[Outcome]]:
        session = self.session
        return scan(
            items,
            session.model,
            session.decision,
            prepare=Sandbox(self.in_flight, shown=self.draw is not None).prepare,
            checks=session.checks,
            batching=session.batching,
            engine=ThreadEngine(session.workers),
            draw=self.draw,
        )


@dataclass(frozen=True)
class _Workers:
    """Workers of a cluster."""

    engine: "RayEngine"
    remote: "RemoteScan"
    name: str = RAY

    @property
    def workers(self) -> int:
        return self.engine.workers

    def outcomes(self, items: Iterable[ImageItem]) -> Iterator[Sequence[Outcome]]:
        for chunk, scored in self.engine.map_ordered(self.remote, _chunks(items)):
            _require_seen(chunk, scored)
            yield scored.outcomes


def _chunks(items: Iterable[ImageItem]) -> Iterator[list[ImageItem]]:
    """Yield files in chunks, without the folders above them, which stay here."""
    bare = (replace(item, folder=None) for item in items)
    while chunk := list(islice(bare, CHUNK)):
        yield chunk


def _require_seen(chunk: Sequence[ImageItem], scored: "Scored") -> None:
    """Refuse a machine that cannot read what this one can: its rows would say nothing of a file.

    Raises
    ------
    UsageError
        There is such a file.
    """
    for item, outcome in zip(chunk, scored.outcomes, strict=True):
        if isinstance(outcome, Failure) and outcome.reason == Unreadable.reason and _reads(item):
            folder = item.where.removesuffix(item.path).rstrip("/") or "/"
            advice = _SAME_SERVER if "://" in folder else _SAME_FOLDER
            raise UsageError(
                f"{scored.machine}: expected the files of {printable(folder)} as on this machine, "
                f"got none that can be read at {printable(item.where)} ({outcome.detail}); "
                f"{advice}, and run the same command again"
            )


def _reads(item: ImageItem) -> bool:
    try:
        read_file(item.where, item.storage)
    except ImageError:
        return False
    return True
