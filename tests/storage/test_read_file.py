"""All bytes of one file, or the reason why they cannot be read."""

import os
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import pytest
from fake_storage import FakeStorage

from cxr_edge.errors import TooLarge, Unreadable
from cxr_edge.storage import read_file as module
from cxr_edge.storage.read_file import read_file


@pytest.mark.parametrize("content", [b"", b"some bytes"])
def test_a_file_is_read_whole(content: bytes, tmp_path: Path) -> None:
    """From a disk, by path or text, as from any other storage."""
    path = tmp_path / "film.png"
    path.write_bytes(content)
    assert read_file(path) == read_file(str(path)) == content
    assert read_file("mem/film.png", FakeStorage({"mem/film.png": content})) == content


def test_a_large_file_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the limit never reaches memory; one at the limit is read."""
    storage = FakeStorage({"film.png": bytes(100)})
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    assert len(read_file("film.png", storage)) == 100
    monkeypatch.setattr(module, "MAX_BYTES", 99)
    with pytest.raises(TooLarge, match="at most 99 bytes, got 100"):
        read_file("film.png", storage)


class Changing(FakeStorage):
    """Says other sizes than its files have."""

    def __init__(self, by: int) -> None:
        super().__init__({"film.png": bytes(100)})
        self.by = by

    def open(self, path: str) -> BytesIO:
        by = self.by

        class Stale(BytesIO):
            def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
                return super().seek(place, whence) + (by if whence == os.SEEK_END else 0)

        return Stale(self.files[path])


@pytest.mark.parametrize("by", [-1, 1])
def test_a_file_that_changes_while_it_is_read_fails(by: int) -> None:
    """A part of a copy is no image, and never more is read than was there at first."""
    with pytest.raises(Unreadable, match="changed while it was read"):
        read_file("film.png", Changing(by))


def test_what_memory_cannot_hold_is_too_large() -> None:
    """An image that does not fit costs its row, not the scan."""

    class Full(FakeStorage):
        def open(self, _path: str) -> NoReturn:
            raise MemoryError

    with pytest.raises(TooLarge, match="fits into memory"):
        read_file("film.png", Full({}))
