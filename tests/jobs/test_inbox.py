"""The inbox of a watch: which of its files are new and whole."""

import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from image_folders import write_mixed

from cxr_edge.errors import FolderGone, UsageError
from cxr_edge.jobs import inbox as inbox_module
from cxr_edge.jobs.inbox import HELD, Inbox
from cxr_edge.storage.written_now import is_written

SETTLE = 2.0


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(tmp_path: Path, clock: Clock) -> Inbox:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return Inbox(folder, SETTLE, clock)


def names(inbox: Inbox) -> list[str]:
    """Look, and be done with what is found."""
    arrivals = inbox.look()
    for arrival in arrivals:
        inbox.done(arrival)
    return [arrival.item.path for arrival in arrivals]


def test_a_file_is_taken_once_it_has_stayed_as_it_is(inbox: Inbox, clock: Clock) -> None:
    """Each change of its size or times starts the wait anew; then it is taken once."""
    film = inbox.folder / "film.png"
    film.write_bytes(b"a")
    for data in (b"ab", b"abc"):
        assert names(inbox) == []
        clock.now += SETTLE - 0.1
        film.write_bytes(data)
    assert names(inbox) == []
    clock.now += SETTLE - 0.1
    assert names(inbox) == []
    clock.now += 0.1
    assert names(inbox) == ["film.png"]
    clock.now += SETTLE
    assert names(inbox) == []


def test_a_file_is_returned_until_it_is_done_with(inbox: Inbox, clock: Clock) -> None:
    """One that is put off comes back, but not before its time."""
    (inbox.folder / "film.png").write_bytes(b"a")
    inbox.look()
    clock.now += SETTLE
    (arrival,) = inbox.look()
    assert inbox.waiting == 1
    assert inbox.look() == [arrival]
    inbox.put_off(arrival, 60)
    clock.now += 59
    assert inbox.look() == []
    clock.now += 1
    assert names(inbox) == ["film.png"]
    assert inbox.waiting == 0


def test_a_file_that_has_changed_is_new(inbox: Inbox, clock: Clock) -> None:
    """Also when it changed while its row was made."""
    film = inbox.folder / "film.png"
    film.write_bytes(b"a")
    inbox.look()
    clock.now += SETTLE
    (arrival,) = inbox.look()
    film.write_bytes(b"other")
    inbox.look()
    inbox.done(arrival)  # which is another file now
    clock.now += SETTLE
    assert names(inbox) == ["film.png"]


def test_a_file_that_is_open_for_writing_is_not_whole(inbox: Inbox, clock: Clock) -> None:
    """Its writer may pause for minutes, where the system knows of it."""
    film = inbox.folder / "film.png"
    with film.open("wb") as file:
        file.write(b"half")
        file.flush()
        if is_written(str(film)) is None:
            pytest.skip("the file system of the tests gives no leases")
        inbox.look()
        clock.now += SETTLE + HELD - 1
        assert inbox.look() == []
        clock.now += 1  # it may have been forgotten
        assert [arrival.item.path for arrival in inbox.look()] == ["film.png"]
    assert names(inbox) == ["film.png"]


def test_a_file_that_was_renamed_into_place_is_whole_at_once(inbox: Inbox) -> None:
    """Its bytes are old, and nobody writes it; where that is not known, it waits as others do."""
    film = inbox.folder.with_name("written-elsewhere")
    film.write_bytes(b"a")
    if is_written(str(film)) is None:
        pytest.skip("the file system of the tests gives no leases")
    old = time.time() - 2 * SETTLE
    os.utime(film, (old, old))
    film.rename(inbox.folder / "film.png")
    assert names(inbox) == ["film.png"]


def test_what_nobody_knows_is_waited_for(
    inbox: Inbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a network share its size and times decide alone: some call every file open."""
    monkeypatch.setattr(inbox_module, "file_system", lambda _: "nfs4")
    monkeypatch.setattr(inbox_module, "is_written", lambda _: True)
    film = inbox.folder / "film.png"
    film.write_bytes(b"a")
    os.utime(film, (0, 0))
    assert names(inbox) == []
    clock.now += SETTLE
    assert names(inbox) == ["film.png"]


def test_no_link_is_followed(inbox: Inbox, clock: Clock, tmp_path: Path) -> None:
    """Neither one to a file nor one to a folder, wherever they lead."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"a")
    (inbox.folder / "inside").mkdir()
    (inbox.folder / "inside" / "film.png").write_bytes(b"a")
    (inbox.folder / "file.png").symlink_to(outside / "secret.png")
    (inbox.folder / "folder").symlink_to(outside)
    (inbox.folder / "again").symlink_to(inbox.folder / "inside")
    inbox.look()
    clock.now += SETTLE
    assert names(inbox) == ["inside/film.png"]
    assert inbox.skipped == {"link": 3}


def test_files_are_those_that_a_scan_takes(
    inbox: Inbox, clock: Clock, phantoms: ModuleType
) -> None:
    """Below all folders, sorted; hidden files and those that are no image are counted."""
    write_mixed(inbox.folder / "ward", phantoms)
    for name in (".hidden.png", ".half-0123.png"):
        (inbox.folder / name).write_bytes(b"a")
    inbox.look()
    clock.now += SETTLE
    found = names(inbox)
    assert found == sorted(found)
    assert len(found) == 13
    assert inbox.skipped == {"hidden": 1, "other": 1}


def test_a_file_that_is_no_image_is_opened_once(
    inbox: Inbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look opens only what is new."""
    opened = []
    why = inbox_module.why_skipped
    monkeypatch.setattr(
        inbox_module, "why_skipped", lambda item: opened.append(item.path) or why(item)
    )
    (inbox.folder / "notes.txt").write_text("no image")
    for _ in range(5):
        inbox.look()
        clock.now += SETTLE
    assert opened == ["notes.txt"]
    assert inbox.waiting == 0


def test_what_is_not_taken_is_counted_once(inbox: Inbox, clock: Clock) -> None:
    """However often it is looked at, and no longer than it lies there."""
    notes = inbox.folder / "notes.txt"
    notes.write_text("no image")
    os.utime(notes, (1e9, 1e9))
    (inbox.folder / "link.png").symlink_to(notes)
    for _ in range(3):
        inbox.look()
        clock.now += SETTLE
    assert inbox.skipped == {"other": 1, "link": 1}
    notes.unlink()
    inbox.look()
    assert inbox.skipped == {"link": 1}


def test_an_inbox_that_is_away_is_an_error_and_comes_back(inbox: Inbox, clock: Clock) -> None:
    """What is known of its files is kept meanwhile."""
    (inbox.folder / "film.png").write_bytes(b"a")
    inbox.look()
    clock.now += SETTLE
    assert names(inbox) == ["film.png"]
    away = inbox.folder.rename(inbox.folder.with_name("away"))
    with pytest.raises((UsageError, FolderGone)):
        inbox.look()
    away.rename(inbox.folder)
    assert names(inbox) == []


def test_looking_costs_a_tenth_of_the_time_at_most(
    inbox: Inbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large inbox is looked into less often; files that settle bring the next look forward."""
    assert inbox.pause(10) == 10
    (inbox.folder / "film.png").write_bytes(b"a")
    inbox.look()
    assert inbox.pause(10) == SETTLE
    as_seen = inbox._as_seen

    def slow(*words: Any) -> object:
        clock.now += 3
        return as_seen(*words)

    monkeypatch.setattr(inbox, "_as_seen", slow)
    monkeypatch.setattr(inbox_module, "_is_whole", lambda *_: False)
    monkeypatch.setattr(Inbox, "waiting", 0)
    inbox.look()
    inbox._seen = {}
    assert inbox.pause(10) == 30
