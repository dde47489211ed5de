"""The engine of this machine: threads, results in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from cxr_edge.pipeline.engine import R, T
from cxr_edge.system.cpu import usable_cpus

AHEAD: Final = 32
"""Items per worker that may be done before an earlier one is: what a slow file holds up."""


@dataclass(frozen=True)
class ThreadEngine:
    """Threads of this process."""

    workers: int = field(default_factory=usable_cpus)
    """Count of threads."""
    ahead: int | None = None
    """Items that may be consumed before the first result is out; :data:`AHEAD` per worker by
    default."""

    def map_ordered(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Call a function for each item in threads; yield each item with its result, in order."""
        ahead = AHEAD * self.workers if self.ahead is None else self.ahead
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="worker")
        window: deque[tuple[T, Future[R]]] = deque()
        try:
            for item in items:
                window.append((item, pool.submit(function, item)))
                if len(window) > ahead:
                    first, future = window.popleft()
                    yield first, future.result()
            while window:
                first, future = window.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(cancel_futures=True)
