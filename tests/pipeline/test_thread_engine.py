"""Threads that give their results in order."""

import threading
from collections.abc import Iterator

import pytest

from cxr_edge.pipeline.thread_engine import AHEAD, ThreadEngine


def test_a_slow_file_holds_up_no_other() -> None:
    """While the first item is at work, others are done; results are in order all the same."""
    others = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert others.wait(timeout=20)
        if number == 5:
            others.set()
        return number * number

    found = list(ThreadEngine(2, ahead=8).map_ordered(work, range(9)))
    assert found == [(number, number * number) for number in range(9)]


def test_an_error_ends_the_work() -> None:
    """An error of a worker is raised in place of its result, and nothing more is started."""
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise ValueError("no such number")
        return number

    results = ThreadEngine(1, ahead=4).map_ordered(work, range(1000))
    assert next(results) == (0, 0)
    with pytest.raises(ValueError, match="no such number"):
        next(results)
    assert len(begun) < 20


def test_a_window_of_items_is_consumed() -> None:
    """However many items there are, only so many per worker are taken before the first result."""
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    results = ThreadEngine(3).map_ordered(abs, endless())
    assert next(results) == (1, 1)
    assert taken == 3 * AHEAD + 1
