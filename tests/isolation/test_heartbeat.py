"""The files that a scan has in hand, seen from outside."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from cxr_edge.isolation.heartbeat import NONE, SLOTS, InFlightTable, key


def test_another_process_sees_it() -> None:
    """A forked child's files in hand, rows and limits are in the parent's table."""
    in_flight = InFlightTable()
    assert (in_flight.rows, in_flight.seconds, in_flight.memory) == (NONE, 0.0, 0)
    pid = os.fork()
    if pid == 0:
        in_flight.limit(7.5, 1 << 40)
        in_flight.rows = 3
        with in_flight.at_work("done.jpg"):
            pass
        with in_flight.at_work("film.jpg"):
            os._exit(0)
    os.waitpid(pid, 0)
    assert set(in_flight.in_hand()) == {key("film.jpg")}
    assert (in_flight.rows, in_flight.seconds, in_flight.memory) == (3, 7.5, 1 << 40)
    in_flight.clear()
    assert not in_flight.last_in_hand()
    assert in_flight.rows == 3


def test_each_thread_has_its_own_place() -> None:
    """Each thread at work has one file in hand, and none has one afterwards."""
    in_flight, all_at_work = InFlightTable(), Barrier(5)

    def work(name: str) -> int:
        with in_flight.at_work(name):
            all_at_work.wait(timeout=20)
            return len(in_flight.in_hand())

    with ThreadPoolExecutor(5) as pool:
        assert 5 in pool.map(work, "abcde")
    assert not in_flight.in_hand()
    assert in_flight.last_in_hand() == {key(name) for name in "abcde"}  # a crash can come later


def test_more_threads_than_places_go_unsupervised() -> None:
    """They work all the same."""
    in_flight = InFlightTable()
    in_flight._free = iter(())
    with in_flight.at_work("film.jpg"):
        assert not in_flight.in_hand()
    assert SLOTS >= 1024


def test_names_that_are_no_text_have_a_key() -> None:
    """Any name the file system has, and never the key that means nobody."""
    assert key("a\udcff.jpg") != key("a\udcfe.jpg")
    assert key("a") > 0


def test_a_reader_finds_the_value_before_or_the_value_after() -> None:
    """Another process writes all the time, and no field is ever read in between, nor as ended."""
    in_flight = InFlightTable()
    counts, limits = (0x1111111111111111, 0x6666666666666666), ((7.5, 1 << 40), (0.1, 3 << 50))
    in_flight.rows = counts[0]
    in_flight.limit(*limits[0])
    pid = os.fork()
    if pid == 0:
        while True:
            in_flight.rows = counts[1]
            in_flight.limit(*limits[1])
            in_flight.rows = counts[0]
            in_flight.limit(*limits[0])
    try:
        seen = set()
        until = time.monotonic() + 1
        while time.monotonic() < until:
            assert in_flight.code is None
            assert in_flight.seconds in {7.5, 0.1}
            assert in_flight.memory in {1 << 40, 3 << 50}
            seen.add(in_flight.rows)
        assert seen == set(counts)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_process_that_is_killed_leaves_no_false_end() -> None:
    """Wherever it is killed, only the process that ended says so."""
    for number in range(40):
        in_flight = InFlightTable()
        in_flight.limit(7.5, 1 << 40)
        pid = os.fork()
        if pid == 0:
            while True:
                in_flight.rows = 1
        time.sleep(0.0005 + number % 7 * 0.0003)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert in_flight.code is None
        assert in_flight.rows in {NONE, 1}
        assert (in_flight.seconds, in_flight.memory) == (7.5, 1 << 40)


@pytest.mark.parametrize("code", [0, 3, 130, 255])
def test_an_end_is_told(code: int) -> None:
    """The exit code of a process that has done everything is read, 0 among them."""
    in_flight = InFlightTable()
    assert in_flight.code is None
    in_flight.ended(code)
    assert in_flight.code == code


def test_an_end_is_taken_back_where_another_report_follows() -> None:
    """A crash that comes later counts again."""
    in_flight = InFlightTable()
    in_flight.ended(0)
    in_flight.goes_on()
    assert in_flight.code is None
