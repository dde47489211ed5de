"""Notices of the system that something happened in a folder."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cxr_edge.jobs.inbox_notices import Notices

PATIENCE = 30.0


def wait_until(true: Callable[[], bool]) -> bool:
    """Wait until something is true, for so long; return whether it is."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not true():
        time.sleep(0.01)
    return true()


def test_a_new_file_is_noticed(tmp_path: Path) -> None:
    """In a new folder too, and in a folder put in place of another."""
    pytest.importorskip("watchfiles")
    called = threading.Event()
    notices = Notices(tmp_path, called.set)
    for identity in ("one", "another"):
        notices.keep_up(identity)

        def write_until_noticed() -> bool:
            (tmp_path / "ward").mkdir(exist_ok=True)
            (tmp_path / "ward" / "film.png").write_bytes(b"bytes")  # it may listen only now
            return called.is_set()

        assert wait_until(write_until_noticed)
        called.clear()
    notices.end()
    assert wait_until(lambda: not notices.are_given)


def test_without_the_library_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error: the folder is polled."""
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    notices = Notices(tmp_path, lambda: None)
    notices.keep_up("one")
    assert wait_until(lambda: not notices.are_given)


def test_a_system_that_gives_none_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All watches of the system may be in use; they are asked for again later, not at each look."""
    asked = []

    def watch(*_: object, **__: object) -> None:
        asked.append(1)
        raise OSError(28, "inotify limit reached")

    library = ModuleType("watchfiles")
    vars(library)["watch"] = watch
    monkeypatch.setitem(sys.modules, "watchfiles", library)
    notices = Notices(tmp_path, lambda: None)
    for _ in range(3):
        notices.keep_up("one")
        assert wait_until(lambda: not notices.are_given)
    assert len(asked) == 1
    monkeypatch.setattr(notices, "_next", 0.0)
    notices.keep_up("one")
    assert wait_until(lambda: len(asked) == 2)
