"""A function over items in threads, results in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    function: Callable[[T], R], things: Iterable[T], *, ahead: int, workers: int
) -> Iterator[tuple[T, R]]:
    """Call a function in threads, at most ``ahead`` of what is consumed.

    Yields
    ------
    tuple
        Each thing with what the function made of it, in the order of the things.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="worker")
    window: deque[tuple[T, Future[R]]] = deque()
    try:
        for thing in things:
            window.append((thing, pool.submit(function, thing)))
            if len(window) > ahead:
                first, future = window.popleft()
                yield first, future.result()
        while window:
            first, future = window.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)
