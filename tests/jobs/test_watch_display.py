"""Whoever is told what a watch does."""

from pathlib import Path

import pytest
from runs import session_of

from cxr_edge.jobs.session_record import record_of
from cxr_edge.jobs.watch_display import WatchDisplay
from cxr_edge.jobs.watch_state import State, WatchState, owner_of, recorded_health
from cxr_edge.models.model import Model
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.reports.distribution_shift import DistributionShift, Probabilities


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def display(tmp_path: Path, said: list[str]) -> WatchDisplay:
    return WatchDisplay(WatchState(tmp_path / "inbox", tmp_path), said.append)


def test_a_problem_is_told_once(display: WatchDisplay, said: list[str], tmp_path: Path) -> None:
    """However often it is met; and once more that it is gone."""
    for _ in range(3):
        display.enter(State.CANNOT_WRITE, "no room")
    assert recorded_health(tmp_path)["problem"] == "no room"
    for _ in range(3):
        display.works()
    assert said == ["waiting: no room", "going on"]
    assert recorded_health(tmp_path)["state"] == "watching"
    assert recorded_health(tmp_path)["problem"] is None


def test_doubts_are_told_once_a_day(display: WatchDisplay, said: list[str], model: Model) -> None:
    """A shift of the probabilities, and one probability for all images."""
    for day in ("2026-01-31", "2026-02-01"):
        manifest = record_of(session_of(model), Skipped(), {})
        object.__setattr__(manifest, "report_started", day)
        manifest.counts.shift = DistributionShift(
            Probabilities(tuple(tenth / 10 for tenth in range(1, 10))), None
        )
        row = {"path": "a", "status": "ok", "flags": "", "label": "N", "probability": "0.990000"}
        display.day(manifest)
        display.show(now=True)
        for _ in range(200):
            manifest.counts.add(row)
        for _ in range(3):
            display.show(now=True)
    assert len(said) == 4
    assert sum("distribution-shift" in line for line in said) == 2
    assert sum("have the same probability" in line for line in said) == 2
    again = WatchDisplay(display.state, said.append)
    again.day(manifest)
    again.show(now=True)
    assert len(said) == 4


def test_a_health_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    """None, a damaged one, and one with other content."""
    health = tmp_path / "health.json"
    for content in (None, "{", "[]", '{"pid": true}', '{"pid": "1"}'):
        if content is not None:
            health.write_text(content)
        assert owner_of(health) is None


def test_a_disk_that_is_full_is_no_error(
    display: WatchDisplay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The health file stays as it was, and its time tells how long ago that is."""
    display.enter(State.WATCHING)
    before = (tmp_path / "health.json").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cxr_edge.jobs.watch_state.write_text_atomically", full)
    display.enter(State.CANNOT_WRITE, "no room")
    assert (tmp_path / "health.json").read_bytes() == before
