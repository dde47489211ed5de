"""One file to model input, whatever is in it."""

import hashlib
import os
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from cxr_edge import prepare as module
from cxr_edge.errors import DecoderCrash, TooLarge, Unreadable
from cxr_edge.images import SourceFacts
from cxr_edge.prepare import Pixels, prepare, read_file
from cxr_edge.spec import InputSpec
from fakes import SAMPLES

FILM = SAMPLES / "phantom-normal.jpg"
SPEC = InputSpec(32, 48, 3)


def test_a_film_becomes_what_the_model_takes() -> None:
    """The pixels have the spec's shape, and the source is told with them."""
    prepared = prepare(FILM, SPEC)
    assert isinstance(prepared.content, Pixels)
    assert prepared.content.pixels.shape == (32, 48, 3)
    assert np.ptp(prepared.content.pixels) > 100
    assert prepared.content.source == SourceFacts(512, 512, "jpeg")
    assert prepared.format == "jpeg"


@pytest.mark.parametrize("name", ["phantom-normal.jpg", "truncated.jpg", "text.png"])
def test_the_digest_is_of_the_bytes(name: str) -> None:
    """A row can be traced to its file's bytes, also where they are no film."""
    expected = hashlib.sha256((SAMPLES / name).read_bytes()).hexdigest()
    assert prepare(SAMPLES / name, SPEC).sha256 == expected


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("truncated.jpg", "jpeg", "truncated"),
        ("text.png", "", "not-an-image"),
    ],
)
def test_a_failed_file_keeps_its_format(name: str, kind: str, reason: str) -> None:
    """The format is told by first bytes, not by the suffix, and also of files that fail."""
    prepared = prepare(SAMPLES / name, SPEC)
    assert prepared.format == kind
    assert not isinstance(prepared.content, Pixels)
    assert prepared.content.reason == reason


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", ["missing", "folder", "pipe", "link-to-nowhere", "endless-link"])
def test_what_is_no_regular_file_is_unreadable(what: str, tmp_path: Path) -> None:
    """Nothing is waited for or raised: the file fails with one reason, and has no digest."""
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "link-to-nowhere":
        path.symlink_to("nowhere")
    elif what == "endless-link":
        path.symlink_to(path)
    prepared = prepare(path, SPEC)
    assert isinstance(prepared.content, Unreadable)
    assert (prepared.sha256, prepared.format) == ("", "")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError("device")])
def test_a_refusal_of_the_system_is_unreadable(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The detail says what the operating system said, without the path."""

    def refuse(_path: Path) -> NoReturn:
        raise error

    monkeypatch.setattr(Path, "read_bytes", refuse)
    content = prepare(FILM, SPEC).content
    assert isinstance(content, Unreadable)
    assert str(content).endswith(error.strerror or "device")
    assert str(FILM) not in str(content)


def test_a_large_file_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the limit never reaches memory; one at the limit is read."""
    size = FILM.stat().st_size
    monkeypatch.setattr(module, "MAX_BYTES", size)
    assert len(read_file(FILM)) == size
    monkeypatch.setattr(module, "MAX_BYTES", size - 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _path: pytest.fail("it was read"))
    assert isinstance(prepare(FILM, SPEC).content, TooLarge)


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), RecursionError("deep")])
@pytest.mark.parametrize("step", ["decode", "preprocess"])
def test_unforeseen_trouble_is_one_failed_file(
    step: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder's crash is a value with digest and format, and names what happened."""

    def crash(*_arguments: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(module, step, crash)
    prepared = prepare(FILM, SPEC)
    assert isinstance(prepared.content, DecoderCrash)
    assert type(error).__name__ in str(prepared.content)
    assert prepared.format == "jpeg"
    assert len(prepared.sha256) == 64


def test_an_interruption_is_no_failed_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the scan; it is not written into the report as a broken film."""

    def interrupt(*_arguments: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepare(FILM, SPEC)
