"""Standard output that is closed, full, or read by nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import SAMPLES

from cxr_edge.cli.commands import COMMANDS
from cxr_edge.errors import ExitCode

pytestmark = pytest.mark.slow


def run(words: str, how: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run ``cxr`` in a shell, with its standard output as told."""
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m cxr_edge {words} {how}"],  # noqa: S607
        cwd=folder, env={**os.environ, "COLUMNS": "80"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
@pytest.mark.parametrize(
    ("how", "why"), [("> /dev/full", "No space left on device"), (">&-", "it is closed")]
)
def test_lost_output_is_one_line_and_an_error(
    tmp_path: Path, name: str, how: str, why: str
) -> None:
    """No command ends in a traceback, or with exit code 0, when nobody gets what it prints."""
    done = run(f"{name} --help", how, tmp_path)
    assert done.returncode == ExitCode.ERROR
    assert done.stderr.startswith(f"error: standard output cannot be written: {why}; ")
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_leaves_is_one_line(tmp_path: Path) -> None:
    """A reader such as ``head`` has enough."""
    receiver, sender = os.pipe()
    os.close(receiver)
    done = subprocess.run(
        [sys.executable, "-m", "cxr_edge", "models"],
        stdout=sender, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    os.close(sender)
    assert done.returncode == ExitCode.ERROR
    assert "Broken pipe" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("how", ["> /dev/full", ">&-", "> /dev/full 2>&1", ">&- 2>&-"])
def test_the_report_is_written_all_the_same(tmp_path: Path, how: str) -> None:
    """A scan's work is its report; its own exit code is the more important one."""
    done = run(f"scan {SAMPLES} --runtime onnx --out r.csv", how, tmp_path)
    assert done.returncode == ExitCode.SOME_FAILED
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 10
    assert len(done.stderr.splitlines()) == ("2>" not in how)
