"""Processes that make training batches ahead of the network."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.pixel_store import SharedPixels
from cxr_edge.errors import MachineError
from cxr_edge.training.batch_maker import Batch, BatchMaker, Source, taught
from cxr_edge.training.config import FitConfig
from cxr_edge.training.teachers import Teachers

T = TypeVar("T")

_AHEAD = 2
"""Batches per process that are made before they are asked for."""


class BatchWorkers:
    """A maker of training batches that makes them in other processes, ahead of what is asked for.

    Batches are those of :class:`BatchMaker`, whatever the number of processes. The processes are
    new ones (never forked: TensorFlow's threads would be lost in them), and map the pixels, which
    are not copied. Teachers judge the images there, but for those that need Keras: it is loaded
    here already. The processes end with this one, however it ends.
    """

    def __init__(self, source: Source, config: FitConfig, workers: int) -> None:
        """Start the processes.

        Parameters
        ----------
        source, config
            As for :class:`BatchMaker`.
        workers
            Processes, at least 1.

        Raises
        ------
        DataError
            There is no room for the temporary file of the pixels.
        """
        self.steps = BatchMaker(source, config).steps
        self._ahead = _AHEAD * workers
        self._made: dict[int, Future[Batch]] = {}
        unlabelled, teachers = source.unlabelled, source.teachers
        self._teachers = teachers if teachers and teachers.need_keras else None
        shared = _Shared(
            SharedPixels.of(source.pixels),
            None if unlabelled is None else SharedPixels.of(unlabelled),
            source.labels,
            None if self._teachers else teachers,
        )
        self._executor = ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(shared, config),
        )
        self._shared = shared  # a process may be started later too
        with ExitStack() as until_started:
            until_started.callback(self._close)
            for _ in range(workers):
                self._submit(_nothing)
            until_started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes; batches that nobody asked for are dropped."""
        self._close()

    def _close(self) -> None:
        self._executor.shutdown(cancel_futures=True)
        self._shared.close()

    def _submit(self, task: Callable[..., T], *arguments: int) -> Future[T]:
        """Give a task to the processes, and start one where that takes it.

        A process is started with Ctrl-C blocked, since the terminal sends it to each of them. One
        that comes meanwhile is met by this process right after.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._executor.submit(task, *arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def make(self, epoch: int, index: int) -> Batch:
        """Return a batch; see :meth:`BatchMaker.make`.

        Raises
        ------
        MachineError
            A process has ended.
        UsageError
            A teacher gives numbers that are no probabilities.
        """
        place = epoch * self.steps + index
        for past in [other for other in self._made if other < place]:
            self._made.pop(past).cancel()
        try:
            for coming in range(place, place + 1 + self._ahead):
                if coming not in self._made:
                    self._made[coming] = self._submit(_make, *divmod(coming, self.steps))
            batch = self._made[place].result()
        except BrokenProcessPool as exc:
            raise MachineError(
                "a process that makes training batches has ended (out of memory?); continue with "
                "--resume and fewer --workers"
            ) from exc
        return taught(batch, self._teachers) if self._teachers else batch


@dataclass(frozen=True)
class _Shared:
    """A source of batches, as a process gets it."""

    pixels: SharedPixels
    unlabelled: SharedPixels | None
    labels: NDArray[np.int64]
    teachers: Teachers | None

    def close(self) -> None:
        for pixels in filter(None, (self.pixels, self.unlabelled)):
            pixels.close()

    @property
    def source(self) -> Source:
        unlabelled = self.unlabelled.pixels if self.unlabelled else None
        return Source(self.pixels.pixels, self.labels, unlabelled, self.teachers)


_makers: list[BatchMaker] = []
"""In a process of its own: the maker, once it has started."""


def _start(shared: _Shared, config: FitConfig) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    _makers.append(BatchMaker(shared.source, config))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _nothing() -> None:
    """Do nothing, in a process that is started for it."""


def _make(epoch: int, index: int) -> Batch:
    return _makers[0].make(epoch, index)
