"""Files that are there whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from cxr_edge.storage.atomic import whole, write_whole


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    """The old file as it was, and nothing beside it."""
    path = tmp_path / "a.txt"
    write_whole(path, "old", durable=True)

    def fail() -> None:
        with whole(path) as half:
            half.write_text("ne")
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
    write_whole(path, "new")
    with whole(tmp_path / "b.txt") as half:
        assert (half.parent, half.suffix) == (tmp_path, ".txt")
        half.write_text("new")
    assert own.read_text() == (tmp_path / "half-b.txt").read_text() == "somebody's"
    assert path.stat().st_mode == own.stat().st_mode
    assert len(list(tmp_path.iterdir())) == 4


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
    write_whole(tmp_path / "a.txt", "new", durable=True)
    assert synced == [False, True]
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize(
    ("name", "ends"),
    [("best.weights.h5", ".weights.h5"), ("film.png", ".png"), ("a" * 251 + ".png", ".png"),
     ("report", ""), ("x." + "y" * 253, "y" * 32)],
)  # fmt: skip
def test_a_half_ends_as_the_whole(tmp_path: Path, name: str, ends: str) -> None:
    """Keras judges by two suffixes; however long a name is, the half's fits."""
    with whole(tmp_path / name) as half:
        assert half.name.endswith(ends)
        half.write_bytes(b"done")
    assert [path.name for path in tmp_path.iterdir()] == [name]
