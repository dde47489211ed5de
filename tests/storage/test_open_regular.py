"""Regular files, opened for reading."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

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


HOLDER = """
import fcntl, os, signal, sys
film = os.open(sys.argv[1], os.O_RDWR)
def give_up(*_):
    print("asked", flush=True)
    if sys.argv[2] == "gives up":
        fcntl.fcntl(film, fcntl.F_SETLEASE, fcntl.F_UNLCK)
signal.signal(signal.SIGIO, give_up)
try:
    fcntl.fcntl(film, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError as exc:
    sys.exit(f"this file system has no leases: {exc.strerror}")
print("holds", flush=True)
while True:
    signal.pause()
"""


@contextmanager
def leased(film: Path, how: str) -> Iterator[list[str]]:
    """Let another program hold a write lease, as Samba does; yield what it says at its end."""
    said: list[str] = []
    words = [sys.executable, "-c", HOLDER, str(film), how]
    with subprocess.Popen(words, stdout=PIPE, stderr=PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stderr
        if holder.stdout.readline() != "holds\n":
            pytest.skip(holder.stderr.read())
        try:
            yield said
        finally:
            holder.terminate()
            said += holder.stdout.read().split()


def test_a_leased_file_is_waited_for(film: Path) -> None:
    """Its holder is asked once, gives it up, and the file is read."""
    with leased(film, "gives up") as said:
        assert read_file(film) == b"bytes"
    assert said == ["asked"]


@pytest.mark.timeout(20)
def test_a_lease_that_is_kept_is_told(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever, and the row says who has the file."""
    monkeypatch.setattr(retry, "WAIT", 0.05)
    with (
        leased(film, "keeps it"),
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
