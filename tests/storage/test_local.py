"""The storage of this machine."""

import os
from pathlib import Path

import pytest

from cxr_edge.storage.base import Kind
from cxr_edge.storage.local import LOCAL, UNLINKED


def test_a_folder_is_listed_in_the_order_of_its_paths(tmp_path: Path) -> None:
    """Names come sorted by their bytes, a folder as its name and a slash, each with its kind."""
    for name in ("a.png", "a-b", "a0", "\u00e9", "\udcff"):
        (tmp_path / name).touch()
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert list(LOCAL.list(str(tmp_path))) == [
        ("a-b", Kind.FILE), ("a.png", Kind.FILE), ("a", Kind.FOLDER), ("a0", Kind.FILE),
        ("pipe", Kind.SPECIAL), ("\u00e9", Kind.FILE), ("\udcff", Kind.FILE),
    ]  # fmt: skip


def test_a_folder_that_is_gone_is_told_at_once(tmp_path: Path) -> None:
    """The error is raised by the listing, not by its first entry."""
    with pytest.raises(FileNotFoundError):
        LOCAL.list(str(tmp_path / "none"))


def test_links_are_what_they_lead_to(tmp_path: Path) -> None:
    """A link to a folder has its kind and identity; one into nowhere is a file to be opened."""
    (tmp_path / "ward").mkdir()
    (tmp_path / "folder").symlink_to("ward")
    (tmp_path / "lost").symlink_to("nowhere")
    (tmp_path / "zero").symlink_to("/dev/zero")
    kinds = dict(LOCAL.list(str(tmp_path)))
    assert kinds == {
        "ward": Kind.FOLDER, "folder": Kind.FOLDER, "lost": Kind.FILE, "zero": Kind.SPECIAL,
    }  # fmt: skip
    assert {name: LOCAL.stat(str(tmp_path / name)).kind for name in kinds} == kinds
    ward, folder = (LOCAL.identity(str(tmp_path / name)) for name in ("ward", "folder"))
    assert ward == folder != LOCAL.identity(str(tmp_path))


def test_links_can_be_told_from_files(tmp_path: Path) -> None:
    """Whatever they lead to."""
    (tmp_path / "ward").mkdir()
    (tmp_path / "film.png").touch()
    for name, target in [("folder", "ward"), ("file", "film.png"), ("lost", "nowhere")]:
        (tmp_path / name).symlink_to(target)
    assert list(UNLINKED.list(str(tmp_path))) == [
        ("file", Kind.LINK), ("film.png", Kind.FILE), ("folder", Kind.LINK), ("lost", Kind.LINK),
        ("ward", Kind.FOLDER),
    ]  # fmt: skip


def test_a_file_has_its_size_and_time(tmp_path: Path) -> None:
    """Both are told without opening it."""
    path = tmp_path / "film.png"
    path.write_bytes(b"bytes")
    os.utime(path, (0, 1234.5))
    found = LOCAL.stat(str(path))
    assert (found.kind, found.size, found.modified) == (Kind.FILE, 5, 1234.5)
