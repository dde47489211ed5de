"""Notes of TensorFlow: dropped, and nothing else is."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import SAMPLES

from cxr_edge.errors import ExitCode
from cxr_edge.system.library_notes import NOTE

NOTES = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    b"I0000 00:00:1795765349.033308    1540 port.cc:153] oneDNN custom operations are on. You may",
    b"W0000 00:00:1795765349.128707      15 cpu_feature_guard.cc:227] This TensorFlow binary is",
    b"2024-03-01 10:11:12.131415: I tensorflow/core/util/port.cc:113] oneDNN custom operations are",
    b"To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with",
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
)

ERRORS = (
    b"E0000 00:00:1795765349.033308    1540 cuda_platform.cc:51] failed call to cuInit",
    b"F0000 00:00:1795765349.033308    1540 array.cc:3] Check failed: 1 == 2",
    b"2024-03-01 10:11:12.131415: E tensorflow/core/framework/op.cc:1] no such operation",
    b"terminate called after throwing an instance of 'std::bad_alloc'",
    b"error: expected 2 classes, got 3",
    b"WARNING: the disk is nearly full",
)

PRINTS = """
import os, signal, sys
from cxr_edge.system.library_notes import notes_dropped
from cxr_edge.system.standard_streams import take_streams
take_streams()
with notes_dropped():
    os.write(2, bytes.fromhex(sys.argv[1]))
    print("from Python", file=sys.stderr)
    if sys.argv[2] == "abort":
        os.kill(os.getpid(), signal.SIGABRT)
os.write(2, b"after\\n")
"""


@pytest.mark.parametrize("line", NOTES)
def test_a_note_is_known(line: bytes) -> None:
    """Information and warnings of TensorFlow, absl, oneDNN and XNNPACK, in every form."""
    assert NOTE.match(line)


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_is_none(line: bytes) -> None:
    """Real errors must be seen."""
    assert not NOTE.match(line)


@pytest.mark.parametrize(("how", "code"), [("end", 0), ("abort", -signal.SIGABRT)])
def test_everything_else_passes(how: str, code: int) -> None:
    """In order, and when the process is aborted right after it has printed why."""
    lines = [line for pair in zip(NOTES, ERRORS, strict=True) for line in pair]
    printed = b"".join(line + b"\n" for line in lines).hex()
    done = subprocess.run(
        [sys.executable, "-c", PRINTS, printed, how], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == code
    after = [b"after"] if how == "end" else []
    passed = [line for line in done.stderr.splitlines() if line != b"from Python"]
    assert passed == [*ERRORS, *after]
    assert b"from Python\n" in done.stderr


WARNS = """
import warnings
from cxr_edge.system.library_notes import notes_dropped
from cxr_edge.system.standard_streams import take_streams
take_streams()
with notes_dropped():
    for module in ("keras.src.ops.nn", "tensorflow.python.ops", "kerasish", "mine"):
        warnings.warn_explicit(f"by {module}", UserWarning, "file.py", 1, module)
"""


def test_warnings_of_keras_are_dropped() -> None:
    """They show a path of the installation; those of other modules are shown."""
    done = subprocess.run(
        [sys.executable, "-c", WARNS], capture_output=True, text=True, check=True, timeout=60
    )
    shown = [line for line in done.stderr.splitlines() if "UserWarning" in line]
    assert [line.rpartition(" ")[2] for line in shown] == ["kerasish", "mine"]


@pytest.mark.slow
def test_a_command_prints_its_own_error_alone(tmp_path: Path) -> None:
    """TensorFlow is loaded for it, and notes that oneDNN is on before any variable is read."""
    image = SAMPLES / "phantom-normal.jpg"
    words = ("export", image, "-o", tmp_path / "p", "--formats", "onnx")
    done = subprocess.run(
        [sys.executable, "-m", "cxr_edge", *map(str, words)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExitCode.ERROR
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
