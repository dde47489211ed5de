"""Storages that fsspec reaches, opened once for each process and without their caches."""

import errno
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, BinaryIO, ClassVar, Final, TypeVar

from cxr_edge.errors import CxrError, MissingExtra
from cxr_edge.extras import install_command, needs_extra
from cxr_edge.storage.base import Entry, Kind, Stat, read_whole
from cxr_edge.storage.schemes import BROUGHT_BY, S3

T = TypeVar("T")

_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    S3: {
        "config_kwargs": {
            "retries": {"total_max_attempts": 1},  # with_back_off asks again
            "connect_timeout": 5,
            "read_timeout": 15,
            "max_pool_connections": 64,
        }
    }
}

_opening = threading.Lock()


def filesystem(scheme: str) -> Any:  # Any: fsspec has no types
    """Return the file system of a scheme: one for each process, for all its threads.

    Raises
    ------
    MissingExtra
        Its package is not installed.
    """
    with _opening:
        return _filesystem(scheme, os.getpid())


@lru_cache
def _filesystem(scheme: str, _process: int) -> Any:
    with needs_extra(f"{scheme}://", "cloud"):
        import fsspec
    try:
        return fsspec.filesystem(
            scheme, skip_instance_cache=True, use_listings_cache=False, **_OPTIONS.get(scheme, {})
        )
    except ImportError as exc:
        package = BROUGHT_BY[scheme]
        how = install_command("cloud") if scheme == S3 else f"pip install {package}"
        raise MissingExtra(f"{scheme}:// needs {package}, which is not installed: {how}") from exc


def wait_for(system: Any, coroutine: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in the loop of a file system, and return its result."""
    from fsspec.asyn import sync

    result: T = sync(system.loop, coroutine)
    return result


@dataclass(frozen=True)
class FsspecStorage:
    """Folders of a storage other than S3, by what its file system for fsspec says.

    A folder is listed at once: as many names are in memory as it has.
    """

    scheme: str
    """Scheme of its paths, one of :data:`cxr_edge.storage.schemes.BROUGHT_BY`."""

    is_local: ClassVar[bool] = False

    def absolute(self, path: str) -> str:
        """Return the path without slashes at its end."""
        return path.rstrip("/")

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the entries of a folder; all are in memory."""
        found = self._ask(lambda system: system.ls(self._plain(folder), detail=True), folder)
        itself = self._plain(folder).strip("/")
        named = sorted(
            {
                facts["name"].rstrip("/").rpartition("/")[2] + "/" * (facts["type"] == "directory")
                for facts in found
                if facts["name"].strip("/") != itself  # a mark that the folder is there
            },
            key=os.fsencode,
        )
        return (
            (name.removesuffix("/"), Kind.FOLDER if name.endswith("/") else Kind.FILE)
            for name in named
        )

    def stat(self, path: str) -> Stat:
        """Return what the file system says of a path."""
        facts = self._ask(lambda system: system.info(self._plain(path)), path)
        kind = Kind.FOLDER if facts["type"] == "directory" else Kind.FILE
        changed = facts.get("mtime") or facts.get("last_modified") or facts.get("updated")
        if isinstance(changed, str):
            changed = datetime.fromisoformat(changed)
        if isinstance(changed, datetime):
            changed = changed.timestamp()
        return Stat(kind, int(facts.get("size") or 0), float(changed or 0.0))

    def identity(self, folder: str) -> str:
        """Return the folder itself, after a question to the server whether its bucket is there."""
        bucket = self._plain(folder).partition("/")[0]
        self._ask(lambda system: system.info(bucket), folder)
        return folder

    def open(self, path: str) -> BinaryIO:
        """Open a file, of which only the parts that are asked for are read."""
        file: BinaryIO = self._ask(
            lambda system: system.open(self._plain(path), "rb", cache_type="readahead"), path
        )
        return file

    def read(self, path: str, at_most: int) -> bytes:
        """Return all bytes of a file."""
        return self._ask(lambda _system: read_whole(self.open(path), at_most), path)

    def _plain(self, path: str) -> str:
        return path.removeprefix(f"{self.scheme}://").rstrip("/")

    def _ask(self, question: Callable[[Any], T], path: str) -> T:
        """Ask the file system; an error of its library becomes an OSError without its words.

        They may have an address with a key in it.
        """
        system = filesystem(self.scheme)
        try:
            return question(system)
        except (OSError, CxrError, MemoryError):
            raise
        except Exception as exc:
            why = "the server refused or failed; check the credentials in the environment"
            raise OSError(errno.EIO, why, path) from exc
