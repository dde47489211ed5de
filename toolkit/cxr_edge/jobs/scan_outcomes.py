"""The outcomes of files, as every scan makes them, into one report or into shards."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.jobs.session import Session
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.engine import Engine
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.scan import scan
from cxr_edge.pipeline.thread_engine import ThreadEngine

if TYPE_CHECKING:
    from cxr_edge.pipeline.classify import Draw


def scan_outcomes(
    session: Session,
    items: Iterator[ImageItem],
    in_flight: InFlightTable,
    draw: "Draw | None" = None,
    engine: Engine | None = None,
) -> Iterator[Sequence[Outcome]]:
    """Yield the outcomes of files in batches, one for each file, in order.

    Parameters
    ----------
    session
        Model and settings.
    items
        Files; consumed lazily.
    in_flight
        Table that the supervisor reads.
    draw
        Function that workers draw heat maps with.
    engine
        Works on the batches; threads of this process by default.
    """
    return scan(
        items,
        session.model,
        session.decision,
        prepare=Sandbox(in_flight, shown=draw is not None).prepare,
        checks=session.checks,
        batching=session.batching,
        engine=engine or ThreadEngine(session.workers),
        draw=draw,
    )
