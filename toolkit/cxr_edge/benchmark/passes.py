"""Passes over all images that a round of a benchmark is made of."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.classify import classify, score
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.pipeline.scan import AHEAD, prepare_all
from cxr_edge.pipeline.thread_engine import in_order


class Passes:
    """Passes of each kind over the same images.

    Parameters
    ----------
    job
        Scan that is measured.
    alone
        Its model with one thread per call.
    items
        Its images.
    """

    def __init__(self, job: ScanJob, alone: Model, items: Sequence[ImageItem]) -> None:
        self.job = job
        self.alone = alone
        self.items = items
        self.latencies: list[float] = []
        """Seconds of each image from its bytes to its outcome, one at a time, in all rounds."""

    def once(self) -> dict[str, float]:
        """Make one pass of each kind, in turn, so that a drifting machine slows all alike.

        Returns
        -------
        dict
            Seconds by pass. The passes that are ``alone`` are CPU time of this process, which then
            does nothing else: a runtime may compute in a thread of its own.
        """
        self.latencies += [_seconds(partial(self._classify, item)) for item in self.items]
        return {
            "end to end": _seconds(partial(run_scan, self.job)),
            "decode": _seconds(self._decode),
            "inference": _seconds(self._infer),
            "decode alone": _seconds(self._decode_alone, time.process_time),
            "inference alone": _seconds(self._infer_alone, time.process_time),
        }

    @cached_property
    def _batches(self) -> list[list[NDArray[np.uint8]]]:
        images = [
            image.content.pixels
            for _, image in prepare_all(self.items, self.job.model.spec.input, ahead=AHEAD)
            if isinstance(image.content, Pixels)
        ]
        size = self.job.batching.size
        return [images[start : start + size] for start in range(0, len(images), size)]

    def _classify(self, item: ImageItem) -> None:
        classify([item], self.job.model, self.job.decision, Batching())

    def _decode(self) -> None:
        job = self.job
        ahead = AHEAD * job.workers
        _exhaust(prepare_all(self.items, job.model.spec.input, ahead=ahead, workers=job.workers))

    def _infer(self) -> None:
        job = self.job
        call = partial(score, runtime=job.model.runtime, batching=job.batching)
        ahead = AHEAD * job.workers
        _exhaust(in_order(call, self._batches, ahead=ahead, workers=job.workers))

    def _decode_alone(self) -> None:
        for item in self.items:
            prepare(item.file, self.job.model.spec.input)

    def _infer_alone(self) -> None:
        for images in self._batches:
            score(images, self.alone.runtime, self.job.batching)


def _seconds(
    function: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    start = clock()
    function()
    return clock() - start


def _exhaust(stream: Iterable[object]) -> None:
    for _ in stream:
        pass
