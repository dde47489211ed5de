"""Ctrl-C: the same end for every command."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import SAMPLES
from interrupts import heed_interrupts

from cxr_edge.cli import train
from cxr_edge.cli.commands import COMMANDS
from cxr_edge.errors import ExitCode
from cxr_edge.training.history import read_history
from cxr_edge.training.run_files import CONFIG

pytestmark = pytest.mark.slow

IMAGE = str(SAMPLES / "phantom-normal.jpg")
WORDS = {
    "scan": [IMAGE],
    "watch": ["inbox", "--out", "out"],
    "convert": [IMAGE, "out"],
    "explain": ["default", IMAGE],
    "calibrate": ["default", "--labels", str(SAMPLES)],
    "export": [IMAGE, "-o", "out"],
    "verify": ["default"],
    "bundle": ["default", "-o", "out"],
    "sr": [IMAGE, "-o", "out"],
    "receive": ["in", "--allow", "MODALITY"],
    "send": [str(SAMPLES), "--to", "PACS@localhost:104"],
    "merge": ["shards", "-o", "out.csv"],
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


def start(how: str, name: str, folder: Path) -> "subprocess.Popen[str]":
    """Start a command, and wait until it works."""
    words = WORDS.get(name, [str(SAMPLES)])
    child = subprocess.Popen(
        [sys.executable, "-c", RUN, how, name, *words], cwd=folder, env=os.environ,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no thread runs here)
    )  # fmt: skip
    assert child.stdout
    assert child.stdout.readline() == "working\n", child.communicate()
    return child


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_ctrl_c_ends_every_command_alike(tmp_path: Path, name: str) -> None:
    """Exit code 130 and no traceback; a supervised command says it once it has begun its work."""
    supervised = {command.name for command in COMMANDS if command.supervised}
    with start("raises", name, tmp_path) as child:
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (
        ExitCode.INTERRUPTED,
        "" if name in supervised else "interrupted\n",
    )


def test_what_a_library_makes_of_it_does_not_count(tmp_path: Path) -> None:
    """TensorFlow may turn the interrupt into an error of its own."""
    with start("translates", "train", tmp_path) as child:
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (ExitCode.INTERRUPTED, "interrupted\n")


def test_the_second_one_ends_what_goes_on(tmp_path: Path) -> None:
    """A library that ignores the first does not hold the terminal."""
    with start("goes on", "export", tmp_path) as child:
        child.send_signal(signal.SIGINT)
        assert child.stdout
        assert child.stdout.readline() == "going on\n"
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (ExitCode.INTERRUPTED, "interrupted\n")


def test_a_run_of_training_says_how_it_continues(class_folders: Path, tmp_path: Path) -> None:
    """After the last finished epoch, with --resume; and --resume says where it continues."""
    words = ["train", class_folders, "-o", "run", "--architecture", "dense-deep"]
    words += ["--image-size", 32, "--epochs", 400, "--patience", 400]
    command = [sys.executable, "-m", "cxr_edge", *map(str, words)]
    history = tmp_path / "run" / "history.csv"
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no thread runs here)
    ) as child:  # fmt: skip
        while child.poll() is None and not history.exists():
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    done = len(read_history(tmp_path / "run"))
    assert child.returncode == ExitCode.INTERRUPTED, err
    assert "warning: 12 validation images of a class" in err  # not on standard output
    assert err.splitlines()[-1] == (
        f"interrupted; the same command with --resume continues after epoch {done}"
    )
    with subprocess.Popen(
        [*command, "--resume"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=heed_interrupts,  # noqa: PLW1509  (no thread runs here)
    ) as child:  # fmt: skip
        assert child.stdout
        assert any(line == f"continuing after epoch {done}\n" for line in child.stdout)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert "interrupted; the same command continues after epoch " in err


def test_a_run_without_a_finished_epoch_says_that_it_starts_over(tmp_path: Path) -> None:
    """Nothing was learned that --resume could go on with."""
    (tmp_path / CONFIG).write_text("{}")
    said = train._how_to_continue(tmp_path, resumed=False)
    assert said == "the same command with --resume starts over: no epoch was finished"


def test_before_a_command_has_begun_it_is_the_same() -> None:
    """While modules are loaded, Ctrl-C is no traceback either; what is to be done at exit is."""
    script = (
        "import atexit; from cxr_edge.cli import entry, process\n"
        "def interrupt(): raise KeyboardInterrupt\n"
        "process.run_command = interrupt\n"
        "atexit.register(print, 'done at exit')\n"
        "entry.main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.returncode == ExitCode.INTERRUPTED
    assert (ended.stdout, ended.stderr) == ("done at exit\n", "interrupted\n")
