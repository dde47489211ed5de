"""Files that are written completely or not at all."""

import os
import stat
from pathlib import Path

import pytest

from cxr_edge.storage.atomic import atomic_write, write_text_atomically


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    """The old file as it was, and nothing beside it."""
    path = tmp_path / "a.txt"
    write_text_atomically(path, "old", durable=True)

    def fail() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_other_file_is_written_to(tmp_path: Path) -> None:
    """Whatever it is called; the mode is an ordinary file's, and the longest name will do."""
    path = tmp_path / f"{'a' * 251}.txt"
    own = tmp_path / f"half-{path.name[:250]}"
    own.write_text("somebody's")
    (tmp_path / "half-b.txt").write_text("somebody's")
    write_text_atomically(path, "new")
    with atomic_write(tmp_path / "b.txt") as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".txt")
        temporary.write_text("new")
    assert own.read_text() == (tmp_path / "half-b.txt").read_text() == "somebody's"
    assert path.stat().st_mode == own.stat().st_mode
    assert len(list(tmp_path.iterdir())) == 4


def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    """A rename onto a pipe or a device would put a file in its place; /dev/null is one."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    for name in ("pipe", "link", "."):
        with (
            pytest.raises(OSError, match="it is not a regular file"),
            atomic_write(tmp_path / name),
        ):
            pytest.fail("there is nothing to write to")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "pipe").is_fifo()


def test_an_error_names_the_file_that_was_meant(tmp_path: Path) -> None:
    """No one knows the temporary name."""
    with (
        pytest.raises(FileNotFoundError, match=r"none/report\.csv"),
        atomic_write(tmp_path / "none" / "report.csv"),
    ):
        pytest.fail("there is no folder")


def test_a_durable_file_has_its_name_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synced, then its folder; a folder that cannot be is no error."""
    synced: list[bool] = []

    def sync(handle: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        if synced[-1]:
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", sync)
    write_text_atomically(tmp_path / "a.txt", "new", durable=True)
    assert synced == [False, True]
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize(
    ("name", "ends"),
    [("best.weights.h5", ".weights.h5"), ("film.png", ".png"), ("a" * 251 + ".png", ".png"),
     ("report", ""), ("x." + "y" * 253, "y" * 32)],
)  # fmt: skip
def test_the_temporary_name_ends_as_the_final_one(tmp_path: Path, name: str, ends: str) -> None:
    """Keras judges by two suffixes; the temporary name fits however long the final one is."""
    with atomic_write(tmp_path / name) as temporary:
        assert temporary.name.endswith(ends)
        temporary.write_bytes(b"done")
    assert [path.name for path in tmp_path.iterdir()] == [name]
