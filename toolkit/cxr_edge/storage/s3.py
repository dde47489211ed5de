"""Buckets of S3, and of servers that speak its language, as folders."""

import asyncio
import errno
import math
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, ClassVar, Final, TypeVar

from cxr_edge.errors import UsageError
from cxr_edge.storage.base import Entry, Kind, Stat, too_large
from cxr_edge.storage.fsspec import filesystem, wait_for
from cxr_edge.storage.part import in_parts
from cxr_edge.storage.retry import ASK, with_back_off
from cxr_edge.storage.s3_errors import may_pass, translated
from cxr_edge.storage.schemes import S3

T = TypeVar("T")

_SCHEME: Final = f"{S3}://"

_FIRST: Final = 8.0
"""Seconds within which a server is asked again for a path of a command: its name may be wrong."""

_ANSWER: Final = 60.0
"""Seconds that the answer to one question may take, however slowly its bytes come."""

_SLOWEST: Final = 50_000
"""Bytes a second that a file is sent with at least."""

_REMEMBERED: Final = 2000
"""Keys whose facts are remembered from the listing: two pages."""

_PIECE: Final = 1 << 20
"""Bytes of a file that are taken from the network at a time."""

_lists = threading.local()

_RECENT: Final = 1.0
"""Seconds for which a bucket that answered counts as being there."""

_TROUBLED: Final = 60.0
"""Seconds for which nobody is patient with a bucket that was asked in vain."""

_IMPATIENT: Final = 2.0
"""Seconds within which such a bucket is asked again, until it answers."""

_in_vain: dict[str, float] = {}
"""Time when each bucket had been asked in vain, unless it has answered since."""

_answered: dict[str, float] = {}
"""Time of the last answer of each bucket, unless its last request failed."""


@dataclass(frozen=True)
class S3Storage:
    """Folders as the slashes in keys make them. Keys are taken as they are, byte by byte.

    A folder is listed in pages of 1,000 keys, of which one is in memory. A file costs one request;
    one that is only looked into costs another, for its first bytes.
    """

    is_local: ClassVar[bool] = False

    def absolute(self, path: str) -> str:
        """Return the path without slashes at its end."""
        return path.rstrip("/")

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the entries of a folder; one page of them is in memory.

        The key that ends with a slash and stands for the folder itself is none, unless it has
        bytes: then it is a file without a name.
        """
        bucket, prefix = bucket_and_key(folder)
        pages = _pages(bucket, prefix)
        return _entries(folder, prefix, chain([next(pages)], pages))

    def stat(self, path: str) -> Stat:
        """Return the facts about a key, or else about the folder of that name."""
        if known := _remembered().get(path):
            return known
        bucket, key = bucket_and_key(path)
        for prefix in dict.fromkeys((key, f"{key.rstrip('/')}/" if key else "")):
            page = _page(bucket, {"Prefix": prefix, "MaxKeys": 1}, _FIRST)
            for found in page.get("Contents", ()):
                if not prefix or prefix.endswith("/"):
                    return Stat(Kind.FOLDER, 0, 0.0)
                if found["Key"] == prefix:
                    return _facts(found)
        if not key:
            return Stat(Kind.FOLDER, 0, 0.0)
        why = f"the bucket {bucket} has no key and no folder of that name; check the spelling"
        raise FileNotFoundError(errno.ENOENT, why, path)

    def identity(self, folder: str) -> str:
        """Return the folder itself, after a question whether its bucket can be listed.

        It is not asked again where the bucket answered just now. A folder without keys is one
        still: a key that went takes no folder with it.
        """
        bucket, prefix = bucket_and_key(folder)
        if time.monotonic() - _answered.get(bucket, -math.inf) > _RECENT:
            _page(bucket, {"Prefix": prefix, "MaxKeys": 1}, _FIRST)
        return folder

    def open(self, path: str) -> BinaryIO:
        """Open a file; each read asks for as many bytes."""
        return in_parts(
            path, lambda start, count: self._range(path, start, count), lambda: self.stat(path).size
        )

    def read(self, path: str, at_most: int) -> bytes:
        """Return all bytes of a file by one request, whose answer has the size at its start."""
        return self._get(path, {}, at_most, None)  # --timeout is for it

    def _range(self, path: str, start: int, count: int) -> bytes:
        try:
            return self._get(path, {"Range": f"bytes={start}-{start + count - 1}"}, count)
        except OSError as exc:
            if exc.errno == errno.ERANGE:  # nothing is there, so the server has no range for it
                return b""
            raise

    def _get(
        self, path: str, span: Mapping[str, str], at_most: int, seconds: float | None = _ANSWER
    ) -> bytes:
        bucket, key = bucket_and_key(path)
        question = partial(_body, bucket=bucket, key=key, span=span, at_most=at_most)
        return ask(question, bucket, seconds=seconds)


def put(path: str, data: bytes, condition: Mapping[str, Any]) -> None:
    """Put a file.

    Parameters
    ----------
    path
        Path.
    data
        All bytes.
    condition
        Conditions of the request.

    Raises
    ------
    UsageError, OSError
        As :func:`ask`.
    """
    bucket, key = bucket_and_key(path)
    ask(
        lambda client: client.put_object(Bucket=bucket, Key=key, Body=data, **condition),
        bucket,
        seconds=_ANSWER + len(data) / _SLOWEST,
    )


def bucket_and_key(path: str) -> tuple[str, str]:
    """Return the bucket and the key of a path."""
    bucket, _, key = path.removeprefix(_SCHEME).partition("/")
    return bucket, key


def _pages(bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a listing.

    Raises
    ------
    OSError
        The server cannot be asked, or gives the same page again.
    """
    asked: dict[str, Any] = {"Prefix": prefix, "Delimiter": "/"}
    while True:
        page = _page(bucket, asked)
        yield page
        if not page.get("IsTruncated"):
            return
        token = page.get("NextContinuationToken")
        if not token or token == asked.get("ContinuationToken"):
            raise OSError(errno.EIO, "the server lists the same keys again and again")
        asked["ContinuationToken"] = token


def _entries(folder: str, prefix: str, pages: Iterator[Mapping[str, Any]]) -> Iterator[Entry]:
    last = b""
    for page in pages:
        found: dict[bytes, Mapping[str, Any] | None] = {
            os.fsencode(each["Key"]): each for each in page.get("Contents", ())
        }
        found |= {os.fsencode(each["Prefix"]): None for each in page.get("CommonPrefixes", ())}
        keys = sorted(found)
        if keys and last and keys[0] <= last:
            why = (
                "the server does not list keys in the order of their bytes, as a directory bucket "
                "does not; copy the files into a general purpose bucket"
            )
            raise OSError(errno.EIO, why)
        for key in keys:
            last = key
            if not key.startswith(os.fsencode(prefix)):
                raise OSError(errno.EIO, "the server lists the keys of another folder")
            name = os.fsdecode(key)[len(prefix) :]
            facts = found[key]
            if facts is None:
                yield name[:-1], Kind.FOLDER
            elif name or facts["Size"]:
                _remember(folder + name, _facts(facts))
                yield name, Kind.FILE


def _facts(found: Mapping[str, Any]) -> Stat:
    return Stat(Kind.FILE, found["Size"], found["LastModified"].timestamp())


def _remembered() -> dict[str, Stat]:
    """Return the facts of the keys that this thread listed last; nobody asks for each again."""
    facts: dict[str, Stat] = _lists.__dict__.setdefault("facts", {})
    return facts


def _remember(path: str, facts: Stat) -> None:
    known = _remembered()
    known[path] = facts
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]


def _page(bucket: str, asked: Mapping[str, Any], within: float = ASK) -> Mapping[str, Any]:
    return ask(lambda client: client.list_objects_v2(Bucket=bucket, **asked), bucket, within)


async def _body(client: Any, bucket: str, key: str, span: Mapping[str, str], at_most: int) -> bytes:
    answer = await client.get_object(Bucket=bucket, Key=key, **span)
    async with answer["Body"] as body:
        if span and "ContentRange" not in answer:
            raise UsageError(
                f"s3://{bucket}: expected a server that gives parts of files, got whole ones; give "
                "the files the suffixes of images, or copy them to this machine"
            )
        size = answer.get("ContentLength")
        if size is not None and size > at_most:
            raise too_large(size, at_most)
        data = bytearray()
        async for piece in body.iter_chunks(_PIECE):
            data += piece
            if len(data) > at_most:
                raise too_large(len(data), at_most)
    return bytes(data)


def ask(
    question: Callable[[Any], Coroutine[Any, Any, T]],
    bucket: str,
    within: float = ASK,
    *,
    seconds: float | None = _ANSWER,
) -> T:
    """Ask the server, again if its trouble may pass.

    Parameters
    ----------
    question
        Function from a client of aiobotocore to a coroutine, which is made anew for each try.
    bucket
        Bucket that it is about.
    within
        Seconds within which it is asked again.
    seconds
        Seconds that one answer may take; None for no limit.

    Raises
    ------
    UsageError
        There are no credentials, or the server cannot do what is asked of any.
    OSError
        It refuses, or does not answer.
    """
    system = filesystem(S3)
    if time.monotonic() - _in_vain.get(bucket, -math.inf) < _TROUBLED:
        within = min(within, _IMPATIENT)

    async def asked() -> T:
        async with asyncio.timeout(seconds):
            await system.set_session()
            return await question(await system.get_s3(bucket))

    try:
        answer = with_back_off(lambda: wait_for(system, asked), may_pass, within)
    except Exception as exc:
        _answered.pop(bucket, None)
        if may_pass(exc):
            _in_vain[bucket] = time.monotonic()
        raise translated(exc, bucket) from exc
    _answered[bucket] = time.monotonic()
    _in_vain.pop(bucket, None)
    return answer
