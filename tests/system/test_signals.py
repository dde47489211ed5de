"""The signals that end a command."""

import os
import signal
import subprocess
import sys

import pytest

WAITS = """
import signal, sys, time
from cxr_edge.system.signals import end_once
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whatever the tests run in
    signal.signal(number, signal.SIG_DFL)
if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
end_once()
try:
    print("ready", flush=True)
    time.sleep(20)
except KeyboardInterrupt:
    print("ending", flush=True)
    time.sleep(0.5)  # while files are closed, more of the same is ignored
    print("ended", flush=True)
"""


def start(how: str) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-c", WAITS, how], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_way_of_asking_ends_a_command_alike(number: signal.Signals) -> None:
    """The first signal interrupts; those that follow do not disturb what is being closed."""
    with start("plain") as child:
        assert child.stdout
        child.send_signal(number)
        assert child.stdout.readline() == "ending\n"
        for again in (signal.SIGINT, signal.SIGTERM, number):
            child.send_signal(again)
        assert child.stdout.readline() == "ended\n"
    assert child.returncode == 0


def test_what_nohup_ignores_stays_ignored() -> None:
    """A command that is to outlive its terminal does."""
    with start("nohup") as child:
        assert child.stdout
        child.send_signal(signal.SIGHUP)
        child.send_signal(signal.SIGTERM)
        assert child.stdout.readline() == "ending\n"
        assert child.stdout.readline() == "ended\n"
