"""Files that are moved: never over another, never another than was meant."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from cxr_edge.storage.move import FileMark, move_file


def move(source: Path, target: Path) -> Path | None:
    """Move a file as it is now."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return move_file(source, target, FileMark.of(source.lstat()), digest)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "film.png"
    path.parent.mkdir()
    path.write_bytes(b"bytes")
    return path


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target on another file system: a rename across folders is refused."""
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)


@pytest.mark.parametrize("across", [False, True])
def test_nothing_is_replaced(
    film: Path, tmp_path: Path, across: bool, request: pytest.FixtureRequest
) -> None:
    """A name that is taken leads to the next one that is free, on another disk too."""
    if across:
        request.getfixturevalue("other_disk")
    target = tmp_path / "done" / "ward" / "film.png"
    for number, data in enumerate([b"first", b"second", b"third!"]):
        film.write_bytes(data)
        moved = move(film, target)
        assert moved == (target if number == 0 else target.with_name(f"film.{number + 1}.png"))
        assert moved.read_bytes() == data
        assert not film.exists()
    assert len(list(target.parent.iterdir())) == 3


@pytest.mark.parametrize("across", [False, True])
def test_the_same_bytes_are_kept_once(
    film: Path, tmp_path: Path, across: bool, request: pytest.FixtureRequest
) -> None:
    """A copy that arrived again, or that a killed move left on two disks."""
    if across:
        request.getfixturevalue("other_disk")
    target = tmp_path / "done" / "film.png"
    for _ in range(2):
        film.write_bytes(b"bytes")
        assert move(film, target) == target
    assert not film.exists()
    assert [path.name for path in target.parent.iterdir()] == ["film.png"]


def test_another_file_in_its_place_is_not_moved(film: Path, tmp_path: Path) -> None:
    """A file that arrived between the row and the move has no row yet."""
    mark = FileMark.of(film.lstat())
    film.unlink()
    film.write_bytes(b"a newer film")
    assert move_file(film, tmp_path / "done" / "film.png", mark, "") is None
    assert film.read_bytes() == b"a newer film"
    assert not (tmp_path / "done").exists()


def test_another_file_that_comes_in_the_very_moment_is_put_back(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rename takes whatever stands there; then it is looked at again."""
    mark = FileMark.of(film.lstat())
    rename = Path.rename

    def come_first(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        (tmp_path / "newer").write_bytes(b"a newer film")
        (tmp_path / "newer").replace(film)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", come_first)
    assert move_file(film, tmp_path / "done" / "film.png", mark, "") is None
    assert film.read_bytes() == b"a newer film"
    assert not list((tmp_path / "done").iterdir())


def test_a_file_that_is_gone_is_no_error(film: Path, tmp_path: Path) -> None:
    """Somebody else took it away."""
    mark = FileMark.of(film.lstat())
    film.unlink()
    assert move_file(film, tmp_path / "done" / "film.png", mark, "") is None


@pytest.mark.usefixtures("other_disk")
def test_no_room_leaves_the_file_where_it_is(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no part of a copy."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cxr_edge.storage.move.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        move(film, tmp_path / "done" / "film.png")
    assert film.read_bytes() == b"bytes"
    assert not list((tmp_path / "done").iterdir())


@pytest.mark.parametrize("across", [False, True])
def test_a_file_that_comes_while_one_is_compared_or_copied_stays(
    film: Path,
    tmp_path: Path,
    across: bool,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """It is another file, and its bytes are nowhere else."""
    target = tmp_path / "done" / "film.png"
    name = "sync_folder" if across else "_has_bytes"
    if across:
        request.getfixturevalue("other_disk")
    else:
        target.parent.mkdir()
        target.write_bytes(film.read_bytes())

    def meanwhile(*_: object) -> bool:
        film.with_name("new").write_bytes(b"other bytes")
        film.with_name("new").replace(film)
        return True

    monkeypatch.setattr(f"cxr_edge.storage.move.{name}", meanwhile)
    move(film, target)
    assert film.read_bytes() == b"other bytes"
    assert target.read_bytes() == b"bytes"


def test_a_long_name_that_is_taken_is_cut(film: Path, tmp_path: Path) -> None:
    """Names are of 255 bytes at most, a number included; letters stay whole."""
    name = "\u00e9" * 125 + "s.png"
    for data in (b"first", b"second"):
        film.write_bytes(data)
        move(film, tmp_path / "done" / name)
    moved = {path.name: path.read_bytes() for path in (tmp_path / "done").iterdir()}
    assert moved == {name: b"first", "\u00e9" * 124 + ".2.png": b"second"}


def test_a_folder_gets_another_name_where_a_file_has_it(film: Path, tmp_path: Path) -> None:
    """A path can be that of a file first, and that of a folder later."""
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "ward").write_bytes(b"film without a suffix")
    for number, data in enumerate([b"first", b"second"], 1):
        film.write_bytes(data)
        moved = move(film, tmp_path / "done" / "ward" / "a" / f"{number}.png")
        assert moved == tmp_path / "done" / "ward.2" / "a" / f"{number}.png"
