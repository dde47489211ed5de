"""Passes over all images that a round of a benchmark is made of."""

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.classify import classify, score
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.prepare import Pixels, Prepared, prepare
from cxr_edge.pipeline.scan import prepare_all
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.runtimes.timing import seconds


class Passes:
    """Passes of each kind over the same images.

    Parameters
    ----------
    job
        Scan that is measured.
    alone
        Model of the scan, with one thread per call.
    items
        Images of the scan.
    """

    def __init__(self, job: ScanJob, alone: Model, items: Sequence[ImageItem]) -> None:
        self.job = job
        self.session = job.session
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
        self.latencies += [seconds(partial(self._classify, item)) for item in self.items]
        return {
            "end to end": seconds(partial(run_scan, self.job)),
            "decode": seconds(self._decode),
            "inference": seconds(self._infer),
            "decode alone": seconds(self._decode_alone, time.process_time),
            "inference alone": seconds(self._infer_alone, time.process_time),
        }

    @cached_property
    def _batches(self) -> list[list[NDArray[np.uint8]]]:
        images = [
            image.content.pixels
            for _, image in self._prepared()
            if isinstance(image.content, Pixels)
        ]
        size = self.session.batching.size
        return [images[start : start + size] for start in range(0, len(images), size)]

    def _classify(self, item: ImageItem) -> None:
        classify([item], self.session.model, self.session.decision, Batching())

    def _prepared(self) -> Iterator[tuple[ImageItem, Prepared]]:
        spec = self.session.model.spec.input
        return prepare_all(self.items, spec, ThreadEngine(self.session.workers))

    def _decode(self) -> None:
        _exhaust(self._prepared())

    def _infer(self) -> None:
        session = self.session
        call = partial(score, runtime=session.model.runtime, batching=session.batching)
        _exhaust(ThreadEngine(session.workers).map_ordered(call, self._batches))

    def _decode_alone(self) -> None:
        for item in self.items:
            prepare(item.file, self.session.model.spec.input)

    def _infer_alone(self) -> None:
        for images in self._batches:
            score(images, self.alone.runtime, self.session.batching)


def _exhaust(stream: Iterable[object]) -> None:
    for _ in stream:
        pass
