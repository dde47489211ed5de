"""One file to model input, whatever is in it."""

import hashlib
import os
import socket
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from fakes import SAMPLES

from cxr_edge.errors import DecoderCrash, TooLarge, Unreadable
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline import prepare as module
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.spec.input_spec import InputSpec

IMAGE = SAMPLES / "phantom-normal.jpg"
SPEC = InputSpec(32, 48, 3)


def test_a_image_becomes_what_the_model_takes() -> None:
    """The pixels have the spec's shape, and the source is told with them."""
    prepared = prepare(IMAGE, SPEC)
    assert isinstance(prepared.content, Pixels)
    assert prepared.content.pixels.shape == (32, 48, 3)
    assert np.ptp(prepared.content.pixels) > 100
    assert prepared.content.source == SourceFacts(512, 512, "jpeg")
    assert prepared.format == "jpeg"


@pytest.mark.parametrize("name", ["phantom-normal.jpg", "truncated.jpg", "text.png"])
def test_the_digest_is_of_the_bytes(name: str) -> None:
    """A row can be traced to its file's bytes, also where they are no image."""
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

    def refuse(*_arguments: object) -> NoReturn:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("os.open", refuse)
        content = prepare(IMAGE, SPEC).content
    assert isinstance(content, Unreadable)
    assert str(content).endswith(error.strerror or "device")
    assert str(IMAGE) not in str(content)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", ["pipe", "folder"])
def test_a_file_replaced_between_look_and_open_is_not_waited_for(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image that has become a pipe since a moment ago stops nobody."""
    path = tmp_path / "film.png"
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    before = IMAGE.lstat()
    with monkeypatch.context() as patch:
        patch.setattr("os.stat", lambda *_, **__: before)
        content = prepare(path, SPEC).content
    assert isinstance(content, Unreadable)


@pytest.mark.timeout(20)
def test_a_socket_and_a_device_are_unreadable(tmp_path: Path) -> None:
    """Neither has an end, and neither is opened."""
    path = tmp_path / "film.png"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert isinstance(prepare(path, SPEC).content, Unreadable)
    assert isinstance(prepare(Path("/dev/zero"), SPEC).content, Unreadable)


@pytest.mark.parametrize("error", [ValueError("odd"), RecursionError("deep")])
@pytest.mark.parametrize("step", ["decode", "preprocess"])
def test_unforeseen_trouble_is_one_failed_file(
    step: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder's crash is a value with digest and format, in words and not in a class's name."""

    def crash(*_arguments: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(module, step, crash)
    prepared = prepare(IMAGE, SPEC)
    assert isinstance(prepared.content, DecoderCrash)
    assert "unforeseen" in str(prepared.content)
    assert type(error).__name__ not in str(prepared.content)
    assert prepared.format == "jpeg"
    assert len(prepared.sha256) == 64


def test_an_interruption_is_no_failed_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the scan; it is not written into the report as a broken image."""

    def interrupt(*_arguments: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepare(IMAGE, SPEC)


def test_what_does_not_fit_into_memory_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the file's size that is told, not a crash."""

    def grow(*_arguments: Any) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(module, "decode", grow)
    assert isinstance(prepare(IMAGE, SPEC).content, TooLarge)
