"""Progress that library code tells, and that a display shows."""

from collections.abc import Iterator

import pytest

from cxr_edge.system.progress import shown_on, stage, track


class Noted:
    """A display that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def begin(self, what: str, total: int | None) -> None:
        self.told.append((what, total))

    def advance(self) -> None:
        self.told.append("+")

    def end(self) -> None:
        self.told.append("end")


def test_every_step_is_told() -> None:
    """A list knows how long it is, a stream is told; a stage within has no steps."""

    def stream() -> Iterator[int]:
        yield from range(2)

    noted = Noted()
    with shown_on(noted):
        assert list(track(["a", "b"], "reading")) == ["a", "b"]
        for _ in track(stream(), "scoring", 2):
            with stage("drawing"):
                pass
    assert noted.told == [
        ("reading", 2), "+", "+", "end",
        ("scoring", 2), ("drawing", None), "end", "+", ("drawing", None), "end", "+", "end",
    ]  # fmt: skip


def test_without_a_display_nothing_is_told() -> None:
    """The Python API is silent, also after a command in the same process."""
    noted = Noted()
    with shown_on(noted):
        pass
    assert list(track(range(3), "reading")) == [0, 1, 2]
    assert noted.told == []


def test_work_that_fails_ends() -> None:
    """No line stays behind when an error ends the work."""
    noted = Noted()

    def fail() -> None:
        with shown_on(noted), stage("converting"):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert noted.told == [("converting", None), "end"]
