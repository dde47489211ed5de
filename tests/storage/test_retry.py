"""Questions to a server that has trouble, asked again."""

import time

import pytest

from cxr_edge.storage import retry
from cxr_edge.storage.retry import with_back_off


class Clock:
    """A clock that a pause moves on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 100.0, list[float]()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_pauses_grow_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a random part of twice what the last could be, and all together have an end."""
    clock = Clock(monkeypatch)
    monkeypatch.setattr(retry.random, "uniform", lambda _least, most: most)
    with pytest.raises(TimeoutError):
        with_back_off(failing(1000), lambda exc: isinstance(exc, TimeoutError), 60)
    assert clock.pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, *6 * [8.0]][: len(clock.pauses)]
    assert 50 < sum(clock.pauses) <= 60


def test_trouble_that_passes_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is that of the first question that got one."""
    clock = Clock(monkeypatch)
    assert with_back_off(failing(3), lambda _exc: True) == "answer"
    assert len(clock.pauses) == 3


def test_a_refusal_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not pass is not waited for."""
    clock = Clock(monkeypatch)
    with pytest.raises(TimeoutError):
        with_back_off(failing(1), lambda _exc: False)
    assert not clock.pauses


def failing(times: int):
    left = [TimeoutError()] * times

    def call() -> str:
        if left:
            raise left.pop()
        return "answer"

    return call
