"""Archives as folders, among them damaged and hostile ones."""

import bz2
import gc
import gzip
import io
import lzma
import os
import pickle
import resource
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_edge.errors import FolderGone, TooLarge, Unreadable, UsageError
from cxr_edge.pipeline.discover import ImageItem, discover
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.storage import archive as archive_module
from cxr_edge.storage import read_file as reading
from cxr_edge.storage import tar_archive
from cxr_edge.storage.archive import ArchiveStorage, close_archives
from cxr_edge.storage.place import storage_of
from cxr_edge.storage.read_file import read_file

FILES = {"b/x.png": b"twelve bytes", "a.png": b"", "b-.png": b"1", "b/c/\u00e9 ;=.png": b"2" * 9999}

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes, ".tar.gz": gzip.compress, ".TGZ": gzip.compress, ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}  # fmt: skip


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_archives()


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def tarred(path: Path, files: dict[str, bytes], *more: tarfile.TarInfo) -> Path:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in more:
            archive.addfile(member)
    pack = next(pack for suffix, pack in PACK.items() if path.name.endswith(suffix))
    path.write_bytes(pack(packed.getvalue()))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def found(path: Path) -> tuple[list[ImageItem], Skipped]:
    skipped = Skipped()
    return list(discover([path], skipped)), skipped


def contents(path: Path) -> dict[str, bytes]:
    return {item.path: read_file(item.where, item.storage) for item in found(path)[0]}


@pytest.mark.parametrize("suffix", [".zip", ".ZIP", *PACK])
def test_an_archive_is_a_folder(suffix: str, tmp_path: Path) -> None:
    """Its files come in the order of those of a folder, with their bytes."""
    path = tmp_path / f"films{suffix}"
    (tarred if suffix in PACK else zipped)(path, FILES)
    assert list(contents(path)) == sorted(FILES, key=os.fsencode)
    assert contents(path) == FILES


@pytest.mark.slow
def test_more_members_than_two_bytes_count(tmp_path: Path) -> None:
    """A large zip archive has other tables, by which it is read."""
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(66_000):
            archive.writestr(zipfile.ZipInfo(f"{number % 7}/{number:06}.png"), b"")
        with archive.open(zipfile.ZipInfo("z.png"), "w", force_zip64=True) as file:
            file.write(b"last")
    items, _ = found(path)
    assert len(items) == 66_001
    assert read_file(items[-1].where, items[-1].storage) == b"last"


@pytest.mark.parametrize(("encoding", "name"), [("latin-1", "\udce9.png"), ("utf-8", "\u00e9.png")])
def test_names_in_other_alphabets_are_read(encoding: str, name: str, tmp_path: Path) -> None:
    """The file system has the same when the archive is unpacked."""
    path = tmp_path / "films.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding=encoding) as archive:
        archive.addfile(tarfile.TarInfo("\u00e9.png"))
    assert contents(path) == {name: b""}
    old = zipped(tmp_path / "old.zip", {"a.png": b"1"})
    old.write_bytes(old.read_bytes().replace(b"a.png", b"\x82.png"))
    assert contents(old) == {"\u00e9.png": b"1"}


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a slash at the end or without, as those of folders."""
    zipped(tmp_path / "films.zip", FILES)
    monkeypatch.chdir(tmp_path)
    for path in ("films.zip", "./films.zip", "films.zip/"):
        (root,) = resolve_roots([path])
        assert (root.where, root.is_folder) == (str(tmp_path / "films.zip"), True)
    assert contents(Path("films.zip")) == FILES


names = st.lists(st.sampled_from(["a", "a-", "a.png", "b", "\u00e9", "0"]), min_size=1, max_size=3)


@given(paths=st.sets(names.map("/".join), max_size=12))
def test_any_archive_has_the_order_of_a_folder(paths: set[str]) -> None:
    """Sorted by the bytes of the path, with files and folders of one name side by side."""
    with tempfile.TemporaryDirectory() as folder:
        path = zipped(Path(folder, "films.zip"), dict.fromkeys(paths, b"\x89PNG\r\n\x1a\n"))
        storage = storage_of(str(path))
        listed: list[str] = []
        waiting = [f"{path}/"]
        while waiting:
            for name, kind in storage.list(here := waiting.pop()):
                is_folder = kind.name == "FOLDER"
                (waiting if is_folder else listed).append(here + name + "/" * is_folder)
        assert sorted(listed) == sorted(f"{path}/{name}" for name in paths)
        assert len(listed) == len(set(listed))
        close_archives()


def test_names_are_those_of_who_unpacks(tmp_path: Path) -> None:
    """Dots and slashes at the start are left out; two dots are never followed, and are told."""
    files = dict.fromkeys(["./a.png", "/etc/b.png", "../c.png", "d/../../e.png", "f//g.png",
                           "h\\i.png"], b"1")  # fmt: skip
    for path in (zipped(tmp_path / "x.zip", files), tarred(tmp_path / "x.tar", files)):
        items, skipped = found(path)
        assert [item.path for item in items] == ["a.png", "etc/b.png", "f/g.png", "h\\i.png"]
        assert skipped.counts == {"name": 2}
        assert skipped.first_lost == ["../c.png", "d/../../e.png"]


def test_each_file_below_a_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    """However many there are, by their full names, none of which a terminal could obey; what a
    scan skips anywhere is told as there."""
    films = {f"../films/{number:03}.png": b"1" for number in range(120)}
    others = {"../\x1b[2J/=a.png": b"1", "../films/.hidden": b"1", "a.png": b"1"}
    items, skipped = found(zipped(tmp_path / "x.zip", others | films))
    assert [item.path for item in items] == ["a.png"]
    assert skipped.counts == {"name": 121, "hidden": 1}
    shown = r"../\x1b[2J/=a.png"
    assert skipped.first_lost == [shown, *(f"../films/{number:03}.png" for number in range(4))]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_files_of_one_name_the_last_counts(tmp_path: Path) -> None:
    """Whoever unpacks gets the last, too; the first is told."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for content in (b"first", b"last"):
            archive.writestr("a.png", content)
    assert contents(path) == {"a.png": b"last"}
    assert found(path)[1].counts == {"replaced": 1}
    assert found(path)[1].first_lost == ["a.png"]


def test_links_and_devices_are_skipped(tmp_path: Path) -> None:
    """Hard links are the files that they are, and other links are not followed anywhere."""
    path = tarred(
        tmp_path / "x.tar",
        {"a.png": b"1"},
        special("b.png", tarfile.LNKTYPE, "a.png"),
        special("c.png", tarfile.SYMTYPE, "/etc/passwd"),
        special("d.png", tarfile.LNKTYPE, "/etc/passwd"),
        special("e.png", tarfile.FIFOTYPE),
        special("f", tarfile.DIRTYPE),
    )
    assert contents(path) == {"a.png": b"1", "b.png": b"1"}
    assert found(path)[1].counts == {"link": 2, "special": 1}
    link = zipfile.ZipInfo("c.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert found(tmp_path / "x.zip")[1].counts == {"link": 1}


def test_archives_in_archives_stay_packed(tmp_path: Path) -> None:
    """They are told, as those in a folder are."""
    path = zipped(tmp_path / "x.zip", {"y.zip": b"", "z.dcm.gz": b"", "a.png": b""})
    assert found(path)[1].counts == {"packed": 2}


def test_a_bomb_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is unpacked than a file may have, whatever the archive says."""
    monkeypatch.setattr(reading, "MAX_BYTES", 1000)
    large = {"a.png": bytes(1001)}
    for path in (zipped(tmp_path / "x.zip", large), tarred(tmp_path / "x.tar.gz", large)):
        with pytest.raises(TooLarge, match="at most 1000 bytes, got 1001"):
            contents(path)


@pytest.mark.slow
def test_a_member_that_lies_about_its_size_stays_small(tmp_path: Path) -> None:
    """256 MiB that call themselves ten bytes are one failed row, and never in memory."""
    path = tmp_path / "x.zip"
    squeezer = zlib.compressobj(1, zlib.DEFLATED, -15)
    bomb = b"".join(squeezer.compress(bytes(1 << 20)) for _ in range(256)) + squeezer.flush()
    zipped(path, {"a.png": bytes(10)})
    head = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, 1, len(bomb), 10, 5, 0) + b"a.png"
    central = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 33, 1, len(bomb), 10, 5, 0, 0,
                          0, 0, 0, 0) + b"a.png"  # fmt: skip
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(head) + len(bomb), 0)
    path.write_bytes(head + bomb + central + end)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreadable, match="damaged at this file"):
        contents(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_a_full_disk_ends_the_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some room is left to others, and the message says where more is needed."""
    monkeypatch.setattr(tar_archive, "RESERVE", 1 << 62)
    with pytest.raises(UsageError, match="let TMPDIR name a folder on a larger disk"):
        found(tarred(tmp_path / "x.tar.gz", FILES))


def test_a_machine_without_a_place_to_unpack_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is whole: in a container whose disk is read-only, TMPDIR is what helps."""
    path = tarred(tmp_path / "x.tar.gz", FILES)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"cannot be unpacked into .*let TMPDIR name a folder"):
        found(path)


def damage_encrypted(data: bytearray) -> None:
    central = data.index(b"PK\1\2")
    for place in (6, central + 8):
        data[place] |= 1


def damage_bytes(data: bytearray) -> None:
    data[40] ^= 255


@pytest.mark.parametrize(
    ("damage", "method", "why"),
    [
        (damage_encrypted, zipfile.ZIP_DEFLATED, "it is encrypted; unpack the archive"),
        (damage_bytes, zipfile.ZIP_STORED, "damaged at this file"),
        (damage_bytes, zipfile.ZIP_DEFLATED, "damaged at this file"),
        (bytes, zipfile.ZIP_BZIP2, "not compressed by deflate"),
    ],
)
def test_a_member_that_cannot_be_read_fails_alone(
    damage: Callable[[bytearray], object], method: int, why: str, tmp_path: Path
) -> None:
    """Its row says why; the others are read."""
    path = zipped(tmp_path / "x.zip", {"a.png": b"0123456789" * 20, "b.png": b"1"}, method)
    data = bytearray(path.read_bytes())
    damage(data)
    path.write_bytes(data)
    first, second = found(path)[0]
    with pytest.raises(Unreadable, match=why):
        read_file(first.where, first.storage)
    if method != zipfile.ZIP_BZIP2:
        assert read_file(second.where, second.storage) == b"1"


@pytest.mark.parametrize("suffix", [".zip", *PACK])
@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6])
def test_a_damaged_archive_is_refused_at_once(suffix: str, share: float, tmp_path: Path) -> None:
    """Cut short anywhere, it is no folder of which a part could be missing silently."""
    whole = (tarred if suffix in PACK else zipped)(tmp_path / f"films{suffix}", FILES).read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UsageError, match="damaged or of another kind"):
        found(path)


def test_a_damaged_header_in_a_tar_is_no_end(tmp_path: Path) -> None:
    """All that is behind it would be missing silently."""
    path = tarred(tmp_path / "x.tar", {"a.png": b"1", "b.png": b"2"})
    data = bytearray(path.read_bytes())
    data[1024] ^= 255  # the second header
    path.write_bytes(data)
    with pytest.raises(UsageError, match="damaged or of another kind"):
        found(path)


def test_an_archive_behind_another_is_told(tmp_path: Path) -> None:
    """Joined to one file, one of the two would be missing silently."""
    path = tmp_path / "x.tar"
    tars = [tarred(tmp_path / f"{name}.tar", {name: b"1"}) for name in ("a.png", "b.png")]
    path.write_bytes(b"".join(one.read_bytes() for one in tars))
    with pytest.raises(UsageError, match="nothing behind the end of the tar archive, got more"):
        found(path)
    path = tmp_path / "x.zip"
    for last in ({"b.png": b"1"}, {}):
        zips = [zipped(tmp_path / "1.zip", {"a.png": b"1"}), zipped(tmp_path / "2.zip", last)]
        path.write_bytes(b"".join(one.read_bytes() for one in zips))
        with pytest.raises(UsageError, match="expected one zip archive, got another before it"):
            found(path)
    path.write_bytes(b"#!/bin/sh\n" + zips[0].read_bytes())  # which unpacks itself
    assert list(contents(path)) == ["a.png"]


def test_a_hard_link_is_the_file_by_any_form_of_its_path(tmp_path: Path) -> None:
    """Otherwise an image would be counted as a link."""
    path = tarred(tmp_path / "x.tar", {"./a.png": b"1"}, special("b.png", tarfile.LNKTYPE, "a.png"))
    assert contents(path) == {"a.png": b"1", "b.png": b"1"}


@pytest.mark.parametrize("size", [-512, -1])
def test_a_size_below_zero_is_damage(size: int, tmp_path: Path) -> None:
    """An archive that someone made so is refused in words."""
    path = tarred(tmp_path / "x.tar", {"a.png": b"1"})
    data = bytearray(path.read_bytes())
    data[124:136] = (size % (1 << 96)).to_bytes(12, "big")
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path.write_bytes(data)
    with pytest.raises(UsageError, match="damaged or of another kind"):
        found(path)


def test_a_header_of_a_tar_is_never_large_in_memory(tmp_path: Path) -> None:
    """A megabyte on the disk could be a name of a gigabyte."""
    long = "a/" * (1 << 20)
    with pytest.raises(UsageError, match="damaged or of another kind"):
        found(tarred(tmp_path / "x.tar.gz", {long: b"1"}))


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_a_path_that_no_system_opens_is_told(suffix: str, tmp_path: Path) -> None:
    """Thousands of folders in one another would take minutes, and gigabytes of memory."""
    files = {"a/" * 30_000 + "a.png": b"1", "b.png": b"2"}
    path = (tarred if suffix in PACK else zipped)(tmp_path / f"x{suffix}", files)
    assert contents(path) == {"b.png": b"2"}
    assert found(path)[1].counts == {"name": 1}


def test_an_archive_that_goes_is_a_folder_that_is_gone(tmp_path: Path) -> None:
    """Removed or replaced in mid-run, the run ends and can be continued."""
    for number, go in enumerate((Path.unlink, lambda path: zipped(path, {"b.png": b"other"}))):
        path = zipped(tmp_path / f"{number}.zip", FILES)
        items = discover([path])
        next(items)
        go(path)
        with pytest.raises(FolderGone, match="no longer available"):
            list(items)


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_several_threads_read_at_once(suffix: str, tmp_path: Path) -> None:
    """Each gets the bytes of its own file."""
    files = {f"{number}.png": bytes([number]) * 50_000 for number in range(60)}
    path = (tarred if suffix in PACK else zipped)(tmp_path / f"films{suffix}", files)
    items, _ = found(path)
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda item: read_file(item.where, item.storage), items * 5))
    assert read == [files[item.path] for item in items * 5]


SEND = """
import pickle, sys
from cxr_edge.storage import tar_archive
tar_archive._unpacked = None
storage, where = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(storage.read(where, 100))
"""


def test_another_process_finds_what_was_unpacked(tmp_path: Path) -> None:
    """A suspect is read in a process of its own, which does not unpack the archive again."""
    path = tarred(tmp_path / "x.tar.gz", FILES)
    item = found(path)[0][-1]
    sent = pickle.dumps((item.storage, f"{path}/b/x.png"))
    done = subprocess.run([sys.executable, "-c", SEND], input=sent, capture_output=True, check=True)
    assert done.stdout == FILES["b/x.png"]
    close_archives()
    storage, where = pickle.loads(sent)  # noqa: S301  (our own)
    assert storage.read(where, 100) == FILES["b/x.png"]  # what was unpacked is gone


def test_what_another_machine_unpacked_is_not_taken_for_this(tmp_path: Path) -> None:
    """Where a process of the same number has another archive unpacked, its images are not read."""
    path = tarred(tmp_path / "x.tar.gz", {"a.png": b"right"})
    item = found(path)[0][0]
    sent = pickle.dumps(item.storage)
    close_archives()
    others = tarred(tmp_path / "y.tar.gz", {"a.png": b"wrong"})
    contents(others)  # its file has the descriptor now that the other had
    storage = pickle.loads(sent)  # noqa: S301  (our own)
    assert storage.read(item.where, 100) == b"right"


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_archives_are_closed_with_their_storages(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever scans thousands, one after the other, keeps few of them open or unpacked."""
    monkeypatch.setattr(archive_module, "_latest", deque(maxlen=4))
    paths = [tmp_path / f"{number}{suffix}" for number in range(20)]
    for path in paths:
        (tarred if suffix in PACK else zipped)(path, FILES)
    before = descriptors()
    storages = [storage_of(str(path)) for path in paths]
    for storage in storages:
        assert next(storage.list(storage.absolute(f"{storage.path}/")))  # type: ignore[attr-defined]
    assert descriptors() == before + 20
    part = storages[0].open(f"{paths[0]}/b/x.png")
    storages.clear()
    del storage
    gc.collect()
    assert descriptors() <= before + 5
    assert part.read() == FILES["b/x.png"]


def test_unpacking_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is made for what is unpacked, so that a killed process leaves nothing either."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    assert contents(tarred(tmp_path / "x.tar.gz", FILES)) == FILES
    assert not list(place.iterdir())


def test_a_folder_with_the_name_of_an_archive_is_a_folder(tmp_path: Path) -> None:
    """And a missing file is none."""
    (tmp_path / "films.zip").mkdir()
    (tmp_path / "films.zip" / "a.png").touch()
    assert [item.path for item in found(tmp_path / "films.zip")[0]] == ["a.png"]
    assert not isinstance(storage_of(str(tmp_path / "none.zip")), ArchiveStorage)
    with pytest.raises(UsageError, match="does not exist"):
        found(tmp_path / "none.zip")
