"""START HERE. Items to outcomes: the whole pipeline, as a stream.

::

    discover -> batches -> Engine (read, hash, decode, preprocess, Runtime.run) -> Outcome

A worker of the engine takes a batch of files from their bytes to their outcomes. While one waits
for the disk or a device, others decode; on a CPU as many images are scored side by side as there
are workers, each by one thread. Outcomes are in the order of the items, one for each. Memory holds
the images of the batches at work; of a batch that is done and waits for an earlier one it holds
only the outcomes.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.classify import Draw, classify
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.engine import Engine
from cxr_edge.pipeline.input_check import CHECKS, InputCheck
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.prepare import Prepare, Prepared, prepare
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.spec.input_spec import InputSpec


def scan(
    items: Iterable[ImageItem],
    model: Model,
    decision: Decision,
    *,
    prepare: Prepare = prepare,
    checks: Sequence[InputCheck] = CHECKS,
    batching: Batching | None = None,
    engine: Engine | None = None,
    draw: Draw | None = None,
) -> Iterator[list[Outcome]]:
    """Classify files.

    Parameters
    ----------
    items
        Files; consumed lazily.
    model
        Model; its runtime is called by all workers at once.
    decision
        Rule that makes a label of a probability.
    prepare
        Takes a file to pixels; never raises an ImageError.
    checks
        Checks that add flags.
    batching
        Files per batch: scored in one call of the model if all can be read. One by default.
    engine
        Works on the batches; threads by default, as many as usable CPUs.
    draw
        Draws the heat map of an image before its outcome is yielded, where ``prepare`` and the
        model give what it needs.

    Yields
    ------
    list of Outcome
        One batch, in the order of the items, one outcome per item.

    Raises
    ------
    ModelError
        The runtime failed. A file that cannot be scored is an outcome, never an error.
    """
    engine = engine or ThreadEngine()
    batching = batching or Batching()
    call = partial(
        classify,
        model=model,
        decision=decision,
        batching=batching,
        checks=checks,
        prepare=prepare,
        draw=draw,
    )
    for _, outcomes in engine.map_ordered(call, _batched(items, batching.size)):
        yield outcomes


def prepare_all(
    items: Iterable[ImageItem], spec: InputSpec, engine: Engine
) -> Iterator[tuple[ImageItem, Prepared]]:
    """Read, decode and preprocess files.

    Yields
    ------
    tuple
        Each item with its pixels or the reason why there are none, in the order of the items.
    """
    return engine.map_ordered(lambda item: prepare(item.where, spec, item.storage), items)


def _batched(items: Iterable[ImageItem], size: int) -> Iterator[list[ImageItem]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
