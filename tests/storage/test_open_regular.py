"""Regular files, opened for reading."""

import errno
import fcntl
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cxr_edge.errors import MachineError, Unreadable
from cxr_edge.storage import retry
from cxr_edge.storage.open_regular import open_regular
from cxr_edge.storage.read_file import read_file


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.png"
    path.write_bytes(b"bytes")
    return path


@contextmanager
def leased(film: Path, when_asked: Callable[[int], None]) -> Iterator[list[int]]:
    """Hold a write lease on a file, as Samba does for a client; yield how often it was asked."""
    asked: list[int] = []

    def take(*_: object) -> None:
        asked.append(1)
        when_asked(handle)

    handle = os.open(film, os.O_RDWR)
    before = signal.signal(signal.SIGIO, take)
    try:
        try:
            fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as exc:
            pytest.skip(f"this file system has no leases: {exc.strerror}")
        yield asked
    finally:
        os.close(handle)
        signal.signal(signal.SIGIO, before)


def test_a_leased_file_is_waited_for(film: Path) -> None:
    """Its holder is asked once, gives it up, and the file is read."""

    def give_up(handle: int) -> None:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)

    with leased(film, give_up) as asked:
        assert read_file(film) == b"bytes"
    assert len(asked) == 1


@pytest.mark.timeout(20)
def test_a_lease_that_is_kept_is_told(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever, and the row says who has the file."""
    monkeypatch.setattr(retry, "WAIT", 0.05)
    with (
        leased(film, lambda _: None),
        pytest.raises(Unreadable, match="another program has it for itself"),
    ):
        read_file(film)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    handle = os.open("/dev/null", os.O_RDONLY)
    os.close(handle)
    resource.setrlimit(resource.RLIMIT_NOFILE, (handle, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_lack_of_descriptors_is_not_the_files_fault(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no failed row but an error that says what to do."""
    monkeypatch.setattr(retry, "WAIT", 0.05)
    with no_descriptor_left(), pytest.raises(MachineError, match="fewer --workers"):
        read_file(film)


def test_a_descriptor_that_comes_free_is_used(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many workers read in turn."""
    errors = [errno.EMFILE, errno.ENFILE]
    real = os.open

    def scarce(*arguments: object, **options: object) -> int:
        if errors:
            raise OSError(errors.pop(), "none left")
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", scarce)
    with open_regular(film) as file:
        assert file.read() == b"bytes"
