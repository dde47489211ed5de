"""Storages that fsspec reaches, by its storage in memory, and what keeps it from reaching one."""

import socket
import sys
from collections.abc import Iterator

import pytest
from buckets import KEYS

from cxr_edge.errors import CxrError, MissingExtra, UsageError
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.storage import fsspec, s3
from cxr_edge.storage.base import Kind
from cxr_edge.storage.fsspec import FsspecStorage
from cxr_edge.storage.read_file import read_file

pytest.importorskip("s3fs", reason="needs the extra 'cloud'")

FILES = {"a.png": b"1", "a/b.png": b"22", "a-b.png": b"", "c/d/e.png": b"333"}

STORAGE = FsspecStorage("memory")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    fsspec._filesystem.cache_clear()
    yield
    fsspec._filesystem.cache_clear()


@pytest.fixture
def root() -> Iterator[str]:
    system = fsspec.filesystem("memory")
    for name, content in FILES.items():
        system.pipe(f"/films/{name}", content)
    yield "memory://films"
    system.rm("/films", recursive=True)


def test_files_come_in_the_order_of_a_folder(root: str) -> None:
    """Each with its bytes."""
    items = list(discover([root], storage=STORAGE))
    assert [item.path for item in items] == sorted(FILES, key=str.encode)
    assert {item.path: read_file(item.where, item.storage) for item in items} == FILES
    assert STORAGE.stat(f"{root}/a.png").size == 1
    assert STORAGE.stat(f"{root}/c").kind is Kind.FOLDER
    with STORAGE.open(f"{root}/c/d/e.png") as file:
        assert file.read(2) == b"33"


def test_a_file_that_is_gone_is_told(root: str) -> None:
    """By the error of a disk."""
    with pytest.raises(UsageError, match="does not exist"):
        resolve_roots([f"{root}/typo"], STORAGE)


def test_errors_of_a_library_keep_their_words_to_themselves(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address in them may have a key in it."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("https://films/?sig=hush")

    monkeypatch.setattr(fsspec.filesystem("memory"), "ls", refuse)
    skipped = Skipped()
    with pytest.raises(CxrError, match="refused or failed; check the credentials") as failed:
        list(discover([root], skipped, STORAGE))
    assert "hush" not in str(failed.value)


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    with pytest.raises(MissingExtra, match=r"gs:// needs gcsfs, .*: pip install gcsfs"):
        resolve_roots(["gs://films"])
    with pytest.raises(MissingExtra, match=r"az:// needs adlfs, .*: pip install adlfs"):
        resolve_roots(["az://films"])

    def without(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs")

    message = r"s3:// needs .*pip install .*\[cloud\]"
    monkeypatch.setattr("fsspec.filesystem", without)
    with pytest.raises(MissingExtra, match=message):
        resolve_roots(["s3://films"])
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=message):
        resolve_roots(["s3://films"])


def test_missing_credentials_are_told(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any file is read, with the names of what to set."""
    for name in (*KEYS, "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UsageError, match=r"^s3://films: .*set AWS_ACCESS_KEY_ID and AWS_SECRET"):
        resolve_roots(["s3://films"])
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    fsspec._filesystem.cache_clear()
    with pytest.raises(UsageError, match=r"^s3://films: the profile that AWS_PROFILE names"):
        resolve_roots(["s3://films"])


def test_a_server_that_is_down_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what may be wrong."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(s3, "_FIRST", 0.3)
    with pytest.raises(UsageError, match="does not answer; check the network, and AWS_ENDPOINT"):
        resolve_roots(["s3://films"])
