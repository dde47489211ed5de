"""Actors that die, come late or never come: every item has its result, in order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cxr_edge import __version__
from cxr_edge.errors import CxrError, UsageError
from cxr_edge.pipeline import actor_pool as module
from cxr_edge.pipeline.actor_pool import AHEAD, DEATHS, ActorLost, Pool


@dataclass
class FakeActors:
    """Actors that square numbers, in this process; calls are answered the latest first."""

    deadly: frozenset[int] = frozenset()
    """Items that end their actor, unless they are worked on again."""
    fatal: frozenset[int] = frozenset()
    """Items that end their actor in any case."""
    absent: int = 0
    """Actors that never come."""
    version: str = __version__
    log: list[tuple[int, int]] = field(default_factory=list)
    """Items that were worked on, and how many actors had died with them."""

    def __post_init__(self) -> None:
        self.started = 0
        self.ended: list[int] = []
        self.answers: dict[int, Any] = {}
        self.broken: set[int] = set()

    def start(self) -> int:
        self.started += 1
        return self.started

    def greet(self, actor: int) -> int:
        self.broken.discard(actor)
        here = (self.version, f"machine-{actor}")
        return self._call(None if actor <= self.absent else here)

    def call(self, actor: int, item: int, deaths: int) -> int:
        self.log.append((item, deaths))
        if item in self.fatal or (item in self.deadly and not deaths):
            self.broken.add(actor)
        return self._call(ActorLost() if actor in self.broken else item * item)

    def done(self, calls: list[int], seconds: float) -> list[int]:
        assert seconds > 0
        return [call for call in reversed(calls) if self.answers[call] is not None]

    def result(self, call: int) -> Any:
        answer = self.answers[call]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self, actor: int) -> None:
        self.ended.append(actor)

    def _call(self, answer: Any) -> int:
        self.answers[len(self.answers)] = answer
        return len(self.answers) - 1


def pool(actors: FakeActors, count: int, told: list[str] | None = None) -> Pool[int, int]:
    return Pool(actors, lambda: count, (told if told is not None else []).append)


def squares(count: int) -> list[tuple[int, int]]:
    return [(number, number * number) for number in range(count)]


def test_results_are_in_the_order_of_the_items() -> None:
    """Whichever actor has the last word first."""
    actors = FakeActors()
    assert list(pool(actors, 3).map_ordered(range(1, 100))) == squares(100)[1:]
    assert (actors.started, actors.ended) == (3, [])


def test_an_actor_that_dies_costs_nothing() -> None:
    """The item in hand is worked on again, with care; no other item is lost or done with care."""
    actors = FakeActors(deadly=frozenset({7, 40}))
    assert list(pool(actors, 2).map_ordered(range(1, 60))) == squares(60)[1:]
    assert {pair for pair in actors.log if pair[1]} == {(7, 1), (40, 1)}


def test_an_item_that_ends_all_its_actors_ends_the_work() -> None:
    """After a number of them, by an error that says what to do."""
    actors = FakeActors(fatal=frozenset({5}))
    with pytest.raises(CxrError, match=f"^{DEATHS} workers of the cluster died .*--runtime"):
        list(pool(actors, 2).map_ordered(range(1, 60)))
    assert [deaths for item, deaths in actors.log if item == 5] == list(range(DEATHS))


def test_actors_that_are_not_there_yet_hold_up_nobody() -> None:
    """Those that are there do all the work."""
    assert list(pool(FakeActors(absent=3), 4).map_ordered(range(1, 30))) == squares(30)[1:]


def test_nobody_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user is told now and then, and the work ends by an error that says what to do."""
    now = [0.0]

    def later() -> float:
        now[0] += 1
        return now[0]

    monkeypatch.setattr(module.time, "monotonic", later)
    told: list[str] = []
    with pytest.raises(CxrError, match=r"^expected a machine of the cluster.*ray start"):
        list(pool(FakeActors(absent=2), 2, told).map_ordered(range(1, 30)))
    assert len(told) > 5
    assert re.match(r"waiting for the cluster, \d+ s so far: 0 of 2 workers at work", told[0])


def test_a_machine_of_another_version_is_refused() -> None:
    """Its rows might differ."""
    with pytest.raises(UsageError, match=r"^machine-1: expected cxr-edge .*, got 0\.0\.1; install"):
        list(pool(FakeActors(version="0.0.1"), 1).map_ordered(range(1, 9)))


def test_machines_that_join_get_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Actors are started for them while the work goes on."""
    monkeypatch.setattr(module, "GROW", 0.0)
    actors, counts = FakeActors(), iter([1, 1, 1])
    joined = Pool[int, int](actors, lambda: next(counts, 5), lambda _message: None)
    assert list(joined.map_ordered(range(1, 200))) == squares(200)[1:]
    assert actors.started == 5


def test_only_so_many_items_are_taken_ahead() -> None:
    """However long the listing is, memory holds a few for each actor."""
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    working = pool(FakeActors(), 3)
    results = working.map_ordered(endless())
    assert next(results) == (1, 1)
    assert AHEAD <= taken <= 3 * AHEAD
    for _ in range(100):
        next(results)
    assert taken <= 101 + 3 * AHEAD
    assert working.is_busy
