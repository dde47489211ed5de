"""Folders to a sorted stream of files."""

import errno
import inspect
import os
import socket
import sys
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import pytest
from fake_storage import FakeStorage
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_edge.errors import ReportError
from cxr_edge.pipeline.discover import Skipped, candidates, discover, why_skipped

PNG = b"\x89PNG\r\n\x1a\n"


def plant(root: Path, *names: str, content: bytes = b"") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def found(*paths: Path) -> tuple[list[str], dict[str, int]]:
    """Return the paths taken, and what was skipped."""
    skipped = Skipped()
    return [item.path for item in discover(paths, skipped)], dict(skipped.counts)


names = st.sampled_from(
    ["a", "a-", "a-b.png", "a.png", "a0", "A", "b.dcm", "\u00e9", "\udcff", "~"]
)
trees = st.recursive(
    st.none(), lambda below: st.dictionaries(names, below, max_size=6), max_leaves=25
).filter(lambda tree: tree is not None)


def grow(folder: Path, tree: dict[str, Any]) -> list[Path]:
    """Make folders of dictionaries and files of the rest; return the files."""
    folder.mkdir(exist_ok=True)
    files = []
    for name, below in tree.items():
        if below is None:
            plant(folder, name)
            files.append(folder / name)
        else:
            files += grow(folder / name, below)
    return files


@settings(max_examples=60, deadline=None)
@given(trees)
def test_files_come_in_the_order_of_their_bytes(tree: dict[str, Any]) -> None:
    """Any tree's files come once each, sorted by the bytes of the whole path."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        paths = [path.relative_to(root).as_posix() for path in grow(root, tree)]
        assert found(root) == (sorted(paths, key=os.fsencode), {})


def test_a_folder_sorts_with_the_slash_of_its_paths(tmp_path: Path) -> None:
    """The hyphen and the dot come before the slash, as in the report."""
    plant(tmp_path, "a/x.png", "a.png", "a-b.png", "a0.png", "\u00e9.png", "Z.png")
    expected = ["Z.png", "a-b.png", "a.png", "a/x.png", "a0.png", "\u00e9.png"]
    assert found(tmp_path)[0] == expected


def test_several_roots_are_one_sorted_stream(tmp_path: Path) -> None:
    """Files of several PATHs carry their root's name and are merged, in whatever order given."""
    plant(tmp_path, "a/x.png", "a/y/z.png", "a-b/x.png", "a.png")
    roots = [tmp_path / name for name in ("a.png", "a", "a-b")]
    expected = ["a-b/x.png", "a.png", "a/x.png", "a/y/z.png"]
    assert found(*roots)[0] == expected
    assert found(*reversed(roots))[0] == expected


def test_an_item_knows_where_its_file_is(tmp_path: Path) -> None:
    """The path for the report and the file to open belong together."""
    plant(tmp_path, "one/a/x.png", "two/x.png")
    items = discover([tmp_path / "one", tmp_path / "two"])
    assert {item.path: item.file for item in items} == {
        "one/a/x.png": tmp_path / "one/a/x.png",
        "two/x.png": tmp_path / "two/x.png",
    }


def test_names_are_held_of_one_folder_and_compactly(tmp_path: Path) -> None:
    """A name costs its own bytes and little more, and is let go with its folder."""
    plant(tmp_path, *(f"{folder}/{image:04}.png" for folder in range(4) for image in range(1000)))
    list(discover([tmp_path]))  # what is loaded or compiled at first use does not count
    tracemalloc.start()
    count = sum(1 for _ in discover([tmp_path]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 4000
    assert peak < 1000 * 100


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    """Each hidden name counts once, and nothing below a hidden folder is looked at."""
    plant(tmp_path, "x.png", ".x.png", "a/.y.dcm", ".git/x.png", ".git/y.png")
    assert found(tmp_path) == (["x.png"], {"hidden": 3})


@pytest.mark.parametrize("name", ["x.png", "X.JPEG", "x.Dcm", "x.gif", "IM0001", "x.tif", "x."])
def test_known_and_missing_suffixes_are_taken(name: str, tmp_path: Path) -> None:
    """By its name alone a file is taken, whatever is in it, so that it gets its row."""
    plant(tmp_path, name, content=b"no image\0")
    assert found(tmp_path) == ([name], {})


def test_what_systems_make_for_themselves_is_skipped(tmp_path: Path) -> None:
    """Thumbnails, trash and snapshots beside the images: each name counts once, as if hidden."""
    plant(
        tmp_path, "a.jpg", "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "#recycle/b.jpg",
        "$RECYCLE.BIN/S-1-5-21/$R1.jpg", "ward/__MACOSX/._a.jpg", "ward/Thumbs.db",
        "System Volume Information/IndexerVolumeGuid", "ward/b.jpg",
    )  # fmt: skip
    assert found(tmp_path) == (["a.jpg", "ward/b.jpg"], {"system": 6})
    assert found(tmp_path / "#recycle") == (["b.jpg"], {})


def test_a_disc_has_its_images_and_nothing_else(tmp_path: Path) -> None:
    """The list of its files, words for a person and a viewer are no failures."""
    plant(tmp_path, "README", "AUTORUN.INF", content=b"Images of one patient.\r\n")
    plant(tmp_path, "viewer/Viewer", content=b"\x7fELF\x02\x01\x01" + bytes(9))
    plant(tmp_path, "DICOMDIR", "DICOM/IM0001", content=bytes(128) + b"DICM")
    assert found(tmp_path) == (["DICOM/IM0001"], {"other": 4})


def test_packed_files_are_skipped_and_named(tmp_path: Path) -> None:
    """Images may be in them, so that nobody may take the scan for complete."""
    plant(tmp_path, "a.zip", "b/IM1.dcm.gz", "c.tar.gz", "labels.zip.png")
    skipped = Skipped()
    assert [item.path for item in discover([tmp_path], skipped)] == ["labels.zip.png"]
    assert skipped.counts == {"packed": 3}
    assert skipped.first_lost == ["a.zip", "b/IM1.dcm.gz", "c.tar.gz"]
    assert found(tmp_path / "b/IM1.dcm.gz") == (["IM1.dcm.gz"], {})


@pytest.mark.parametrize("name", ["x.avif", "x.jxl", "x.PGM", "x.j2k", "x.nii"])
def test_images_that_nobody_decodes_get_their_rows(name: str, tmp_path: Path) -> None:
    """No image is skipped without a word."""
    plant(tmp_path, name)
    assert found(tmp_path) == ([name], {})


@pytest.mark.parametrize("content", [b"", bytes(400)])
def test_a_number_is_no_suffix(content: bytes, tmp_path: Path) -> None:
    """A damaged film that is named by its UID gets its row, and words with a number do not."""
    plant(tmp_path, "1.2.840.113619.5", content=content)
    plant(tmp_path, "log.1", content=b"started")
    assert found(tmp_path) == (["1.2.840.113619.5"], {"other": 1})


@pytest.mark.parametrize("name", ["x.dat", "1.2.840.113619", "x.png.bak"])
@pytest.mark.parametrize("content", [PNG, bytes(128) + b"DICM", b"GIF89a"])
def test_first_bytes_speak_for_unknown_suffixes(name: str, content: bytes, tmp_path: Path) -> None:
    """An image or DICOM with a name of any kind is taken."""
    plant(tmp_path, name, content=content)
    assert found(tmp_path) == ([name], {})


@pytest.mark.parametrize("content", [b"", b"path,label\n", bytes(400)])
def test_other_files_are_skipped_and_counted(content: bytes, tmp_path: Path) -> None:
    """A file that neither its name nor its bytes make an image gets no row."""
    plant(tmp_path, "labels.csv", "sub/notes.txt", content=content)
    assert found(tmp_path) == ([], {"other": 2})


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["pipe", "pipe.png", "pipe.txt"])
def test_a_pipe_is_skipped_unopened(name: str, tmp_path: Path) -> None:
    """A pipe below a folder cannot stop the scan."""
    os.mkfifo(tmp_path / name)
    assert found(tmp_path) == ([], {"special": 1})


def test_a_link_to_what_is_no_file_is_skipped(tmp_path: Path) -> None:
    """It is judged by what it leads to, and a hidden one by its name alone."""
    (tmp_path / "film.png").symlink_to("/dev/null")
    (tmp_path / ".film.png").symlink_to("/dev/null")
    assert found(tmp_path) == ([], {"special": 1, "hidden": 1})


def test_linked_files_and_folders_are_followed(tmp_path: Path) -> None:
    """A file is taken under the name of the link that leads to it."""
    plant(tmp_path, "store/x.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/folder").symlink_to(tmp_path / "store")
    (tmp_path / "root/film.png").symlink_to(tmp_path / "store/x.png")
    assert found(tmp_path / "root") == (["film.png", "folder/x.png"], {})


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_link_to_a_folder_above_ends(target: str, tmp_path: Path) -> None:
    """A loop is left where it closes, and counted; the files in it come once."""
    plant(tmp_path, "root/a/x.png")
    (tmp_path / "root/a/loop").symlink_to(target)
    paths, counts = found(tmp_path / "root")
    assert "a/x.png" in paths
    assert counts == {"loop": 1}


@pytest.mark.parametrize("target", ["..", "../..", "/"])
def test_a_link_to_a_folder_that_the_path_is_in_ends(target: str, tmp_path: Path) -> None:
    """Nobody asked for the files beside the PATH."""
    plant(tmp_path, "mess/x.png", "beside.png")
    (tmp_path / "mess/loop").symlink_to(target)
    assert found(tmp_path / "mess") == (["x.png"], {"loop": 1})


def test_a_link_to_a_folder_above_what_a_link_led_to_ends(tmp_path: Path) -> None:
    """The folder that is read counts, by its real place and by the PATH as it was given."""
    plant(tmp_path, "store/inner/deep/x.png", "store/beside.png", "home/y.png")
    (tmp_path / "store/inner/deep/up").symlink_to(tmp_path / "store")
    (tmp_path / "store/inner/back").symlink_to(tmp_path / "home")
    (tmp_path / "home/films").symlink_to(tmp_path / "store/inner")
    assert found(tmp_path / "home/films") == (["deep/x.png"], {"loop": 2})
    assert found(tmp_path / "home") == (["films/deep/x.png", "y.png"], {"loop": 2})


@pytest.mark.parametrize("target", ["nowhere.png", "film.png", "n" * 300])
def test_a_link_into_nowhere_gets_its_row(target: str, tmp_path: Path) -> None:
    """A name that is an image's is taken although nothing can be read behind it."""
    (tmp_path / "film.png").symlink_to(target)
    assert found(tmp_path) == (["film.png"], {})


@pytest.mark.parametrize("name", [".hidden.png", "notes.txt", ".hidden"])
def test_a_file_named_as_path_is_always_taken(name: str, tmp_path: Path) -> None:
    """Who names a file wants its row."""
    plant(tmp_path, name, content=b"text")
    assert found(tmp_path / name) == ([name], {})


def test_a_hidden_folder_named_as_path_is_looked_into(tmp_path: Path) -> None:
    """Only what is below a PATH can be hidden."""
    plant(tmp_path, ".films/x.png")
    assert found(tmp_path / ".films") == (["x.png"], {})


def test_folders_are_listed_when_they_are_reached(tmp_path: Path) -> None:
    """Scanning starts before the last folder is known."""
    plant(tmp_path, "a/x.png", "b/x.png")
    items = discover([tmp_path])
    assert next(items).path == "a/x.png"
    plant(tmp_path, "b/late.png")
    assert [item.path for item in items] == ["b/late.png", "b/x.png"]


def test_what_cannot_be_looked_into_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that refuses is named; a file whose name says nothing gets a row that says why."""
    plant(tmp_path, "a/x.png", "b/x.png", "notes.txt", "y.png")

    def refuse(*_arguments: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    real = os.scandir
    monkeypatch.setattr("os.scandir", lambda at: refuse() if at.endswith(b"/b/") else real(at))
    monkeypatch.setattr("cxr_edge.storage.local.open_regular", refuse)
    skipped = Skipped()
    taken = [item.path for item in discover([tmp_path], skipped)]
    assert taken == ["a/x.png", "notes.txt", "y.png"]
    assert (skipped.counts, skipped.first_lost) == ({"unlisted": 1}, ["b/"])


@pytest.mark.parametrize("target", ["nowhere", "1.2.840.5", "a/x.png/below"])
def test_a_link_into_nowhere_gets_its_row_whatever_it_is_called(
    target: str, tmp_path: Path
) -> None:
    """Behind it may be a film on a disk that is not mounted."""
    plant(tmp_path, "a/x.png")
    (tmp_path / "1.2.840.5").symlink_to(target)
    assert found(tmp_path) == (["1.2.840.5", "a/x.png"], {})


def test_a_path_that_is_too_long_to_open_gets_its_row(tmp_path: Path) -> None:
    """A film named by its UID is not lost because its folder's path is long already."""
    plant(tmp_path, "x.png")
    handle, path = os.open(tmp_path, os.O_RDONLY), os.fsencode(tmp_path)
    while len(path) < 4000:
        name = b"d" * min(250, 4080 - len(path) - 1)
        os.mkdir(name, dir_fd=handle)
        below = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle, path = below, path + b"/" + name
    os.close(os.open("1.2.840.113619.2.5", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    paths, counts = found(tmp_path)
    assert [path.rpartition("/")[2] for path in paths] == ["1.2.840.113619.2.5", "x.png"]
    assert counts == {}


@pytest.mark.timeout(20)
def test_a_pipe_in_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that became a pipe after its folder was listed is told, not read."""
    os.mkfifo(tmp_path / "notes.txt")
    monkeypatch.setattr("cxr_edge.storage.local._mark", lambda _entry: b"")
    assert found(tmp_path) == (["notes.txt"], {})


@pytest.mark.parametrize("name", ["socket", "socket.png"])
def test_a_socket_is_skipped(name: str, tmp_path: Path) -> None:
    """Pipes and devices are skipped alike."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / name))
        assert found(tmp_path) == ([], {"special": 1})


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """Two folders that link to each other are left where the circle closes."""
    plant(tmp_path, "a/x.png", "b/y.png")
    (tmp_path / "a/b").symlink_to("../b")
    (tmp_path / "b/a").symlink_to("../a")
    paths, counts = found(tmp_path)
    assert paths == ["a/b/y.png", "a/x.png", "b/a/x.png", "b/y.png"]
    assert counts == {"loop": 2}


def test_an_empty_folder_gives_nothing(tmp_path: Path) -> None:
    """No files is no error."""
    assert found(tmp_path) == ([], {})


def test_no_tree_is_too_deep(tmp_path: Path) -> None:
    """Folders nested deeper than Python's stack are walked to their end."""
    name = "/".join("d" * 200) + "/x.png"
    plant(tmp_path, name)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    try:
        paths, _ = found(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert paths == [name]


def test_a_folder_that_vanishes_stops_the_walk(tmp_path: Path) -> None:
    """Its images must not be missing from a report that counts as finished."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "film.png").touch()
    items = discover([tmp_path])
    assert next(items).path == "a/film.png"
    (tmp_path / "b").rename(tmp_path.with_name("away"))
    with pytest.raises(ReportError, match="b is no longer available"):
        next(items)


def test_a_folder_that_goes_while_it_is_looked_into_stops_the_walk(tmp_path: Path) -> None:
    """Its films, named by UIDs, are neither skipped as no images nor failed rows."""
    root = tmp_path / "root"
    plant(root, *(f"ward/b/1.2.840.{number}" for number in range(4)), content=PNG)
    items = discover([root])
    assert next(items).path == "ward/b/1.2.840.0"
    (root / "ward").rename(tmp_path / "away")
    with pytest.raises(ReportError, match="ward is no longer available"):
        list(items)


def test_a_disk_that_went_before_it_was_reached_stops_the_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty mount point is not taken for the disk that was there at the start."""
    plant(tmp_path, "root/a/x.png", "root/b c/y.png")
    disk = tmp_path / "root" / "b c"
    places = [os.fsencode(path) for path in (tmp_path, disk, tmp_path / "elsewhere")]
    monkeypatch.setattr("cxr_edge.pipeline.folder.mount_points", lambda: places)
    (tmp_path / "link").symlink_to("root")
    for number, root in enumerate(("root", "link")):
        items = discover([tmp_path / root])
        assert next(items).path == "a/x.png"
        disk.rename(tmp_path / f"away{number}")
        disk.mkdir()
        with pytest.raises(ReportError, match="b c is no longer available"):
            list(items)


def test_any_storage_can_be_walked() -> None:
    """Files of a storage that is not a disk come in the same order, judged by the same rules."""
    files = {"mem/a/x.png": b"", "mem/a.png": b"", "mem/.b/y.png": b"", "mem/c.dat": PNG,
             "mem/d.txt": b"text"}  # fmt: skip
    storage, skipped = FakeStorage(files), Skipped()
    items = list(discover(["mem"], skipped, storage))
    assert [item.path for item in items] == ["a.png", "a/x.png", "c.dat"]
    assert [item.where for item in items] == ["mem/a.png", "mem/a/x.png", "mem/c.dat"]
    assert skipped.counts == {"hidden": 1, "other": 1}


def test_counting_opens_no_file() -> None:
    """A count beside a scan costs no reading, and is exact once the scan has judged its files."""
    files = {"mem/a.png": b"", "mem/c.dat": PNG, "mem/d.txt": b"text", "mem/.e": b""}
    storage, skipped = FakeStorage(files), Skipped()
    counted = sum(1 for _ in candidates(["mem"], storage))
    assert storage.opened == []
    taken = sum(1 for _ in discover(["mem"], skipped, storage))
    assert taken == 2
    assert counted - skipped.counts["other"] == taken


def test_a_file_of_a_count_can_be_judged_later(tmp_path: Path) -> None:
    """By the same rule as that of a scan, one that is gone by then being taken."""
    for name, content in {"a.png": b"", "c.dat": PNG, "d.txt": b"text", "e": b""}.items():
        (tmp_path / name).write_bytes(content)
    counted, skipped = Skipped(), Skipped()
    items = list(candidates([tmp_path], skipped=counted))
    taken = [item for item in items if not why_skipped(item)]
    assert taken == list(discover([tmp_path], skipped))
    assert [why_skipped(item) for item in items if item not in taken] == ["other"]
    assert skipped.counts == {"other": 1}
    (tmp_path / "d.txt").unlink()
    assert all(not why_skipped(item) for item in items if item.path == "d.txt")
