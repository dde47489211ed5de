"""Ctrl-C: the same end for every command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import SAMPLES

from cxr_edge.cli import process
from cxr_edge.cli.commands import COMMANDS
from cxr_edge.cli.entry import main
from cxr_edge.errors import ExitCode

pytestmark = pytest.mark.slow

IMAGE = str(SAMPLES / "phantom-normal.jpg")
WORDS = {
    "scan": [IMAGE],
    "convert": [IMAGE, "out"],
    "explain": ["default", IMAGE],
    "export": [IMAGE, "-o", "out"],
    "verify": ["default"],
    "doctor": [],
    "models": [],
}
"""Arguments that a command cannot do without; one folder for all others."""

RUN = """
import functools, importlib, sys, time
from cxr_edge.cli.commands import COMMANDS
from cxr_edge.cli.entry import main

def work(how):
    try:
        print("working", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:  # as a library does that has been called back
        if how == "raises":
            raise
        if how == "translates":
            raise RuntimeError("an operation failed")
        print("going on", flush=True)
        time.sleep(30)

how, name = sys.argv[1:3]
command = {command.name: command for command in COMMANDS}[name]
module = importlib.import_module(command.module)
stand_in = functools.wraps(getattr(module, name))(lambda *_, **__: work(how))
setattr(module, name, stand_in)
sys.argv[1:] = sys.argv[2:]
main()
"""


def heed() -> None:
    """Do not inherit that the tests may run in the background, where Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(how: str, name: str, folder: Path) -> "subprocess.Popen[str]":
    """Start a command, and wait until it works."""
    words = WORDS.get(name, [str(SAMPLES)])
    child = subprocess.Popen(
        [sys.executable, "-c", RUN, how, name, *words], cwd=folder, env=os.environ,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed,  # noqa: PLW1509  (no thread runs here)
    )  # fmt: skip
    assert child.stdout
    assert child.stdout.readline() == "working\n", child.communicate()
    return child


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_ctrl_c_ends_every_command_alike(tmp_path: Path, name: str) -> None:
    """Exit code 130 and no traceback."""
    with start("raises", name, tmp_path) as child:
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (ExitCode.INTERRUPTED, "")


def test_what_a_library_makes_of_it_does_not_count(tmp_path: Path) -> None:
    """TensorFlow may turn the interrupt into an error of its own."""
    with start("translates", "train", tmp_path) as child:
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (ExitCode.INTERRUPTED, "")


def test_the_second_one_ends_what_goes_on(tmp_path: Path) -> None:
    """A library that ignores the first does not hold the terminal."""
    with start("goes on", "export", tmp_path) as child:
        child.send_signal(signal.SIGINT)
        assert child.stdout
        assert child.stdout.readline() == "going on\n"
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (ExitCode.INTERRUPTED, "")


def test_before_a_command_has_begun_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """While modules are loaded, Ctrl-C is no traceback either."""

    def interrupt() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "run_command", interrupt)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ExitCode.INTERRUPTED
