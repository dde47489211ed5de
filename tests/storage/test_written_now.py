"""Whether a program writes a file at this moment."""

import os
from pathlib import Path

import pytest

from cxr_edge.storage.written_now import is_written


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file on a disk where the system knows; elsewhere the test says nothing."""
    path = tmp_path / "film.png"
    path.write_bytes(b"bytes")
    if is_written(str(path)) is None:
        pytest.skip("the file system of the tests gives no leases")
    return path


def test_a_file_that_is_open_for_writing_is_written(file: Path) -> None:
    """Until it is closed; a reader does not count."""
    with file.open("rb"):
        assert is_written(str(file)) is False
    with file.open("ab"):
        assert is_written(str(file)) is True
    assert is_written(str(file)) is False


def test_opening_it_meanwhile_disturbs_nobody(file: Path) -> None:
    """The question leaves no lease behind, which would hold up a writer."""
    assert is_written(str(file)) is False
    handle = os.open(file, os.O_WRONLY | os.O_NONBLOCK)
    os.close(handle)


def test_nobody_knows_of_what_is_no_file(tmp_path: Path) -> None:
    """Nothing, and a link, whatever it leads to."""
    (tmp_path / "link").symlink_to(tmp_path / "film.png")
    assert is_written(str(tmp_path / "none")) is None
    assert is_written(str(tmp_path / "link")) is None
