"""The PATHs of a command, checked and named."""

from pathlib import Path

import pytest
from fake_storage import FakeStorage

from cxr_edge.errors import UsageError
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.roots import Root, file_of, named_roots, resolve_roots
from cxr_edge.system.printable import printable


def plant(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_roots_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    """A root is named by the parts of its path that it takes, and only where it takes them."""
    plant(tmp_path, "monday/films/x.png", "tuesday/films/x.png", "other/x.png")
    roots = [tmp_path / name for name in ("monday/films", "tuesday/films", "other")]
    assert [root.prefix for root in resolve_roots(roots)] == [
        "monday/films", "tuesday/films", "other",
    ]  # fmt: skip


def test_a_path_given_twice_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is written, one folder gives each of its files one row."""
    plant(tmp_path, "films/x.png")
    monkeypatch.chdir(tmp_path)
    spellings = [Path("films"), tmp_path / "films", Path("films/../films"), Path("films/")]
    assert resolve_roots(spellings) == [Root(str(tmp_path / "films"), "", is_folder=True)]


def test_names_that_hold_each_other_are_refused(tmp_path: Path) -> None:
    """Two files must not come by one path in the report."""
    plant(tmp_path, "a/b/x.png", "c/b/x.png", "d/a/b/x.png")
    with pytest.raises(UsageError, match="one at a time"):
        resolve_roots([tmp_path / "a/b", tmp_path / "c/b", tmp_path / "d/a"])


def test_a_missing_path_is_refused_at_once(tmp_path: Path) -> None:
    """A typing error is told before the first image is scanned."""
    plant(tmp_path, "x.png")
    with pytest.raises(UsageError, match="typo does not exist"):
        resolve_roots([tmp_path, tmp_path / "typo"])


def test_an_archive_is_taken_whole(tmp_path: Path) -> None:
    """A path that leads into one is told apart from a typing error, and the archive is named."""
    plant(tmp_path, "films.zip", "notes.txt")
    with pytest.raises(UsageError, match=r"got a path in it; give .*/films\.zip, or"):
        resolve_roots([tmp_path / "films.zip" / "ward" / "a.png"])
    with pytest.raises(UsageError, match="does not exist; check the spelling"):
        resolve_roots([tmp_path / "notes.txt" / "a.png"])


def test_paths_in_each_other_are_refused(tmp_path: Path) -> None:
    """A file never has two rows because two PATHs reach it."""
    (tmp_path / "a").mkdir()
    image = tmp_path / "a" / "x.png"
    image.touch()
    for inner in (image, tmp_path / "a"):
        with pytest.raises(UsageError, match="is inside"):
            resolve_roots([tmp_path, inner])


def test_a_root_that_refuses_to_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed folder is not an empty one."""
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UsageError, match="cannot be listed"):
        resolve_roots([tmp_path])


def test_a_file_is_named_by_its_name(tmp_path: Path) -> None:
    """A single file is its name in the report, a single folder nothing; a lost link is a file."""
    plant(tmp_path, "films/x.png")
    (tmp_path / "lost.png").symlink_to("nowhere")
    (folder,) = resolve_roots([tmp_path / "films"])
    (file,) = resolve_roots([tmp_path / "films/x.png"])
    (lost,) = resolve_roots([tmp_path / "lost.png"])
    assert (folder.prefix, folder.is_folder) == ("", True)
    assert (file.prefix, file.is_folder) == ("x.png", False)
    assert (lost.prefix, lost.is_folder) == ("lost.png", False)


def test_paths_may_be_of_any_storage() -> None:
    """The storage says whether a path is a folder."""
    storage = FakeStorage({"mem/monday/x.png": b"", "mem/y.png": b""})
    assert resolve_roots(["mem/monday", "mem/y.png"], storage) == [
        Root("mem/monday", "monday", is_folder=True),
        Root("mem/y.png", "y.png", is_folder=False),
    ]
    with pytest.raises(UsageError, match="mem/tuesday does not exist"):
        resolve_roots(["mem/tuesday"], storage)


def test_a_file_address_is_a_path(tmp_path: Path) -> None:
    """The report has the path, so that the same command may name either."""
    plant(tmp_path, "films/x.png")
    assert resolve_roots([f"file://{tmp_path}/films"]) == resolve_roots([tmp_path / "films"])


@pytest.mark.parametrize(
    "paths", [["a"], ["a", "b/films"], ["a/one;=1.png"], ["a/one;=1.png", "b/films"]], ids=str
)
def test_the_file_of_a_row_is_found_again(tmp_path: Path, paths: list[str]) -> None:
    """Whatever was scanned and however its files are called, a manifest leads back to them."""
    plant(tmp_path, "a/one;=1.png", "a/=x/back\\slash.png", "a/\udcff.png", "b/films/\n.png")
    given = [tmp_path / path for path in paths]
    roots = named_roots(given)
    for item in discover(given):
        found = file_of(printable(item.path), roots)
        assert found is not None
        assert (found.where, found.file) == (item.where, item.file)


@pytest.mark.parametrize("path", ["../x.png", "a/../../x.png", r"a/\x2e./x.png", "b/../a"])
def test_a_row_leads_to_no_file_outside(tmp_path: Path, path: str) -> None:
    """A report that was forged shows no other file of the machine."""
    assert file_of(path, {"": str(tmp_path)}) is None
    inside = file_of("/etc/passwd", {"": str(tmp_path)})
    assert inside is not None
    assert inside.file == tmp_path / "etc/passwd"
    assert file_of("elsewhere/x.png", {"a": str(tmp_path)}) is None
