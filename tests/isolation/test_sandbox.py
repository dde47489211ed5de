"""Files that were in flight when a process died, and those that were not."""

import os
import time
from pathlib import Path

import pytest
from fakes import SAMPLES, crash, hang

from cxr_edge.errors import DecoderCrash, TimedOut
from cxr_edge.isolation import sandbox as module
from cxr_edge.isolation.heartbeat import InFlightTable, key
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.spec.input_spec import InputSpec

IMAGE = SAMPLES / "phantom-normal.jpg"
SPEC = InputSpec(32, 32)


def process_of(_data: bytes) -> int:
    return os.getpid()


def suspecting(path: Path) -> Sandbox:
    return Sandbox(InFlightTable(suspects={key(str(path))}))


@pytest.mark.slow
def test_a_suspect_is_prepared_alike_in_another_process() -> None:
    """Its pixels and digest are those that any file's are."""
    expected = prepare(IMAGE, SPEC)
    for sandbox in (Sandbox(InFlightTable()), suspecting(IMAGE)):
        got = sandbox.prepare(str(IMAGE), SPEC)
        assert isinstance(got.content, Pixels)
        assert isinstance(expected.content, Pixels)
        assert (got.content.pixels == expected.content.pixels).all()
        assert (got.sha256, got.format) == (expected.sha256, expected.format)
    assert Sandbox(InFlightTable()).attempt(str(IMAGE), process_of).content == os.getpid()
    assert suspecting(IMAGE).attempt(str(IMAGE), process_of).content != os.getpid()


def test_a_suspect_that_crashes_is_a_failure() -> None:
    """With its digest and format, and this process lives on."""
    failed = suspecting(IMAGE).attempt(str(IMAGE), crash)
    assert isinstance(failed.content, DecoderCrash)
    assert (len(failed.sha256), failed.format) == (64, "jpeg")


@pytest.mark.slow
def test_a_suspect_that_hangs_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time limit and what a process may take to start."""
    monkeypatch.setattr(module, "START", 2.0)
    sandbox = suspecting(IMAGE)
    sandbox.in_flight.limit(0.1, 0)
    start = time.monotonic()
    failed = sandbox.attempt(str(IMAGE), hang)
    assert isinstance(failed.content, TimedOut)
    assert time.monotonic() - start < 60


def test_a_file_is_in_flight_while_it_is_worked_on() -> None:
    """So that the supervisor knows which one to suspect."""
    table = InFlightTable()
    seen = Sandbox(table).attempt(str(IMAGE), lambda _data: set(table.in_hand()))
    assert seen.content == {key(str(IMAGE))}
    assert not table.in_hand()
