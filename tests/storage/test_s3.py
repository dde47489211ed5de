"""Buckets as folders, on a server that fails as servers do."""

import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from buckets import Server, serving
from clocks import PauseClock

from cxr_edge.errors import TooLarge, Unreadable, UsageError
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.storage import fsspec, retry, s3
from cxr_edge.storage.base import Kind
from cxr_edge.storage.place import storage_of
from cxr_edge.storage.read_file import read_file
from cxr_edge.storage.s3 import S3Storage

FILES = {
    "a.png": b"x" * 1000, "a": b"1", "a/b.png": b"12", "a-b.png": b"1", "ward/": b"",
    "ward/x.png": b"", "odd/": b"has bytes", "a//u.png": b"1", "new %41#?\u00e9+=.png": b"odd",
    "\U0001f9b4.png": b"bone", "\uffee.png": b"",
}  # fmt: skip

STORAGE = S3Storage()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        running.bucket("films", FILES)
        yield running


@pytest.fixture(autouse=True)
def calm(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.02)
    server.faults.calm()
    s3._answered.clear()
    s3._in_vain.clear()
    s3._remembered().clear()


def test_a_bucket_is_listed_in_the_order_of_bytes() -> None:
    """A folder sorts as its name and a slash; each key is one entry, the mark of a folder none."""
    entries = list(STORAGE.list("s3://films/"))
    shown = [name + "/" * (kind is Kind.FOLDER) for name, kind in entries]
    assert shown == sorted(shown, key=str.encode)
    assert set(shown) == {
        "a", "a-b.png", "a.png", "a/", "odd/", "ward/", "new %41#?\u00e9+=.png", "\U0001f9b4.png",
        "\uffee.png",
    }  # fmt: skip
    assert list(STORAGE.list("s3://films/ward/")) == [("x.png", Kind.FILE)]
    assert list(STORAGE.list("s3://films/odd/")) == [("", Kind.FILE)]
    assert list(STORAGE.list("s3://films/a/")) == [("", Kind.FOLDER), ("b.png", Kind.FILE)]


def test_pages_are_asked_for_one_by_one(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing asks for its next page when the one before it is used up."""
    real = s3._page
    small = {"MaxKeys": 2}
    monkeypatch.setattr(s3, "_page", lambda bucket, asked, *a: real(bucket, {**asked, **small}, *a))
    listing = STORAGE.list("s3://films/")
    assert server.faults.asked == ["LIST"]
    assert len(list(listing)) == 9
    assert server.faults.asked == 5 * ["LIST"]


def test_a_server_that_does_not_sort_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows in another order could not be resumed, so nothing is scanned."""
    pages = iter([{"CommonPrefixes": [{"Prefix": name}]} for name in ("b/", "a/")])
    monkeypatch.setattr(s3, "_pages", lambda *_: pages)
    with pytest.raises(OSError, match="order of their bytes"):
        list(STORAGE.list("s3://films/"))


def test_a_server_that_lists_another_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes two slashes for one would lead from folder to folder for ever."""
    page = {"CommonPrefixes": [{"Prefix": "a/b/"}]}
    monkeypatch.setattr(s3, "_page", lambda _bucket, _asked: page)
    with pytest.raises(OSError, match="the keys of another folder"):
        list(STORAGE.list("s3://films/a//"))


def test_a_server_that_repeats_a_page_ends_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server makes the listing endless by the same page again."""
    page = {"IsTruncated": True, "NextContinuationToken": "again"}
    monkeypatch.setattr(s3, "_page", lambda *_: page)
    with pytest.raises(OSError, match="again and again"):
        list(STORAGE.list("s3://films/"))


@pytest.mark.parametrize("key", [key for key in FILES if not key.endswith("/")])
def test_a_file_costs_one_request(server: Server, key: str) -> None:
    """Its bytes are those that were put there, and no other request tells its size."""
    path = f"s3://films/{key}"
    assert read_file(path, STORAGE) == FILES[key]
    assert server.faults.asked == [f"GET /films/{key}"]
    with STORAGE.open(path) as file:
        assert file.read(512) == FILES[key][:512]
    assert len(server.faults.asked) == 2


def test_a_file_can_be_read_in_parts() -> None:
    """From any place to any other, as headers are read."""
    with STORAGE.open("s3://films/a.png") as file:
        assert file.seek(0, 2) == 1000
        assert file.seek(-3, 1) == 997
        assert file.read(10) == b"xxx"
        assert file.read(10) == b""
        assert file.tell() == 1000


def test_a_large_file_is_refused_by_its_size() -> None:
    """None of its bytes is taken."""
    with pytest.raises(TooLarge, match="at most 999 bytes, got 1000"):
        STORAGE.read("s3://films/a.png", 999)


def test_paths_are_files_or_folders() -> None:
    """A key is a file, and a folder where there are only keys below it."""
    kinds = {path: STORAGE.stat(f"s3://films{path}").kind for path in ("", "/a", "/a/", "/ward")}
    assert kinds == {"": Kind.FOLDER, "/a": Kind.FILE, "/a/": Kind.FOLDER, "/ward": Kind.FOLDER}
    assert STORAGE.stat("s3://films/a.png").size == 1000
    with pytest.raises(FileNotFoundError, match="check the spelling"):
        STORAGE.stat("s3://films/nothing")


def test_facts_of_listed_keys_cost_no_request(server: Server) -> None:
    """A continued report asks for the time of every file that it has a row of."""
    names = [name for name, kind in STORAGE.list("s3://films/") if kind is Kind.FILE]
    sizes = {name: STORAGE.stat(f"s3://films/{name}").size for name in names}
    assert sizes == {name: len(FILES[name]) for name in names}
    assert server.faults.asked == ["LIST"]


def test_a_storm_of_refusals_passes(server: Server) -> None:
    """A file is asked for again with growing pauses, until the server has calmed down."""
    server.faults.busy = 4
    assert read_file("s3://films/a.png", STORAGE) == FILES["a.png"]
    assert len(server.faults.asked) == 5


def test_a_reset_connection_passes(server: Server) -> None:
    """A file whose connection is reset in the middle is read again from its start."""
    server.faults.resets = 2
    assert read_file("s3://films/a.png", STORAGE) == FILES["a.png"]
    assert len(server.faults.asked) == 3


def test_a_server_is_not_asked_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the server refuses for long is unreadable, in words."""
    server.faults.busy = 1_000_000
    clock = PauseClock()
    monkeypatch.setattr(retry, "time", clock)
    with pytest.raises(Unreadable, match=r"the server answered 503|does not answer"):
        read_file("s3://films/a.png", STORAGE)
    assert clock.now <= retry.ASK
    assert len(server.faults.asked) == len(clock.pauses) + 1 > 2


def test_a_file_that_fills_the_memory_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no trouble of the server."""

    def full(*_: object, **_named: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(s3, "_body", full)
    with pytest.raises(TooLarge, match="expected a file that fits into memory"):
        read_file("s3://films/a.png", STORAGE)


def test_patience_is_lost_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred pictures of a page do not each wait for a server that is gone."""
    monkeypatch.setattr(s3.ask, "__defaults__", (1.0,))
    monkeypatch.setattr(s3, "_IMPATIENT", 0.0)
    server.faults.busy = 1_000_000
    for tries in (2, 1):
        server.faults.asked.clear()
        with pytest.raises(Unreadable):
            read_file("s3://films/a.png", STORAGE)
        assert len(server.faults.asked) >= tries
    assert len(server.faults.asked) == 1
    server.faults.busy = 0
    assert read_file("s3://films/a.png", STORAGE)
    assert "films" not in s3._in_vain


def test_an_answer_that_never_ends_is_none(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that gives a byte now and then holds up no listing."""

    def drip(_environ: object, start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Length", "1000")])
        for _ in range(100):
            yield b" "
            time.sleep(0.1)

    monkeypatch.setattr(server.faults, "real", drip)
    monkeypatch.setattr(s3, "_FIRST", 0.5)
    monkeypatch.setattr(s3.ask, "__kwdefaults__", {"seconds": 0.3})
    with pytest.raises(OSError, match="does not answer"):
        STORAGE.identity("s3://films/")


def test_a_part_is_never_taken_from_another_place(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that knows no parts gives the whole file, whose bytes are not those asked for."""
    real = server.faults.real

    def whole(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ.pop("HTTP_RANGE", None)
        answer: Iterable[bytes] = real(environ, start)
        return answer

    monkeypatch.setattr(server.faults, "real", whole)
    with STORAGE.open("s3://films/a.png") as file:
        file.seek(500)
        with pytest.raises(UsageError, match="expected a server that gives parts of files"):
            file.read(10)


def test_a_password_in_the_settings_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor the name of a user before it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "ward:hush@films")
    fsspec._filesystem.cache_clear()
    with pytest.raises(OSError, match=r"settings of AWS cannot be used$"):
        STORAGE.identity("s3://films/")
    fsspec._filesystem.cache_clear()


def test_a_file_that_vanished_is_unreadable(server: Server) -> None:
    """It is not asked for twice."""
    server.faults.vanished.add("/films/a.png")
    with pytest.raises(Unreadable, match="not in the bucket any more"):
        read_file("s3://films/a.png", STORAGE)
    assert len(server.faults.asked) == 1


def test_a_bucket_that_is_not_there_is_told() -> None:
    """Its name and the address of the server are what may be wrong."""
    with pytest.raises(FileNotFoundError, match="no such bucket; check its name, and AWS_ENDPOINT"):
        STORAGE.identity("s3://lost/films/")
    with pytest.raises(OSError, match="name of the bucket"):
        STORAGE.stat("s3://Not_A Bucket/films")


@pytest.mark.parametrize(
    ("code", "state", "why"),
    [
        ("AccessDenied", 403, "access denied; the credentials must allow s3:ListBucket"),
        ("ExpiredToken", 400, "does not accept the credentials"),
        ("IllegalLocationConstraintException", 400, "in another region; set AWS_DEFAULT_REGION"),
        ("InvalidObjectState", 403, "in an archive of the server; restore it first"),
        ("Strange", 418, r"the server answered 418 \(Strange\)"),
    ],
)
def test_refusals_are_told(server: Server, code: str, state: int, why: str) -> None:
    """At the start as what to do about a path, and for a file in its row, without waiting."""
    server.faults.refusal = code, state
    with pytest.raises(UsageError, match=f"s3://films cannot be read: .*{why}"):
        resolve_roots(["s3://films"])
    with pytest.raises(Unreadable, match=f"the file cannot be read: .*{why}"):
        read_file("s3://films/a.png", STORAGE)
    assert len(server.faults.asked) < 8  # the library looks for the region of a bucket


def test_an_emptied_folder_is_still_there() -> None:
    """A key that vanished takes its folder with it, which is no reason to end a scan."""
    assert STORAGE.identity("s3://films/emptied/") == "s3://films/emptied/"


@pytest.mark.parametrize(
    "path",
    ["s3://key:hush@films/a", "s3://hush@films", "gs://hush@films/a", "az://me:hush@films/x",
     "az://films/a?sv=1&sig=hush", "https://films/a?X-Amz-Signature=hush",
     "https://me:hush@films/a", "ftp://films/a?X-Amz-Signature=hush"],
)  # fmt: skip
def test_credentials_in_a_path_are_refused_unsaid(path: str) -> None:
    """The message does not repeat them."""
    with pytest.raises(UsageError, match="path without credentials") as refused:
        storage_of(path)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("path", ["ftp://films/a", "s3://", "s3:///films"])
def test_other_schemes_are_refused(path: str) -> None:
    """With the schemes that there are, or the form of a path."""
    with pytest.raises(UsageError, match=r"gs://, az://|expected s3://BUCKET/FOLDER"):
        storage_of(path)


def test_a_storage_can_be_sent_to_another_process() -> None:
    """A suspect is read in a process of its own, and actors read on other machines."""
    assert pickle.loads(pickle.dumps(STORAGE)) == STORAGE  # noqa: S301  (our own)
