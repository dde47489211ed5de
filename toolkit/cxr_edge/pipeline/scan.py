"""START HERE. Items to outcomes: the whole pipeline, as a stream.

::

    discover -> batches -> workers (read, hash, decode, preprocess, Runtime.run) -> Outcome

A worker takes a batch of files from their bytes to their outcomes. While one waits for the disk or
a device, others decode; on a CPU as many images are scored side by side as there are workers, each
by one thread. Outcomes are in the order of the items, one for each. In memory are the images of
the batches at work, and of those done that wait for an earlier one the outcomes only.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Final

from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.classify import classify
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.prepare import Prepare, Prepared, prepare
from cxr_edge.pipeline.thread_engine import in_order
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.cpu import usable_cpus

AHEAD: Final = 32
"""Batches a worker that may be done before an earlier one is: what a slow file holds up."""


def scan(
    items: Iterable[ImageItem],
    model: Model,
    decision: Decision,
    *,
    prepare: Prepare = prepare,
    batching: Batching | None = None,
    workers: int | None = None,
) -> Iterator[list[Outcome]]:
    """Classify files.

    Parameters
    ----------
    items
        What to classify; consumed lazily.
    model
        With what; its runtime is called by all workers at once.
    decision
        How a probability becomes a label.
    prepare
        Takes a file to pixels; never raises an ImageError.
    batching
        Files a batch: scored in one call of the model if all can be read. One by default.
    workers
        Threads; as many as usable CPUs by default.

    Yields
    ------
    list of Outcome
        One batch, in the order of the items, one outcome an item.

    Raises
    ------
    ModelError
        The runtime failed. What is wrong with a file is an outcome, never an error.
    """
    workers = workers or usable_cpus()
    batching = batching or Batching()
    call = partial(classify, model=model, decision=decision, batching=batching, prepare=prepare)
    batches = _batched(items, batching.size)
    for _, outcomes in in_order(call, batches, ahead=AHEAD * workers, workers=workers):
        yield outcomes


def prepare_all(
    items: Iterable[ImageItem], spec: InputSpec, *, ahead: int, workers: int | None = None
) -> Iterator[tuple[ImageItem, Prepared]]:
    """Read, decode and preprocess files in threads, at most ``ahead`` of what is consumed.

    Yields
    ------
    tuple
        Each item with what became of it, in the order of the items.
    """
    return in_order(
        lambda item: prepare(item.file, spec), items, ahead=ahead, workers=workers or usable_cpus()
    )


def _batched(items: Iterable[ImageItem], size: int) -> Iterator[list[ImageItem]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
