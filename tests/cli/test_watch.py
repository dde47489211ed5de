"""``cxr watch`` as a command: its options, its process, its end."""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes import ROOT, SAMPLES
from interrupts import heed_interrupts

from cxr_edge.errors import ExitCode

PATIENCE = 120.0
FAULTS = ROOT / "tests" / "support" / "faults"


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder with an inbox that has an image in it, and a folder for reports."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "out").mkdir()
    shutil.copy(SAMPLES / "phantom-normal.jpg", tmp_path / "inbox" / "a.jpg")
    return tmp_path


def rows(folders: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for report in (folders / "out").glob("*.csv"):
        with report.open(newline="", encoding="utf-8") as file:
            found += csv.DictReader(file)
    return found


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def start(folders: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    """Start the command itself, with a faulty decoder planted."""
    paths = [str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "cxr_edge", "watch", "inbox", "--out", "out", "--runtime", "onnx",
         "--settle", "0.2", *options],
        cwd=folders, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "CXR_TEST_FAULTS": "1", "PYTHONPATH": os.pathsep.join(paths),
             **environment},
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no thread runs here)
    )  # fmt: skip


@contextmanager
def listening(place: Path) -> Iterator[list[bytes]]:
    """Listen as a service manager does, while the context lasts; yield what is heard."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbound:
        inbound.bind(str(place))

        def listen() -> None:
            while message := inbound.recv(4096):
                heard.append(message)

        listener = threading.Thread(target=listen)
        listener.start()
        yield heard
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(place))
        listener.join()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none", "--out", "out"], "INBOX: expected a folder, got none"),
        (["inbox", "--out", "none"], "--out: expected a folder for the reports, got none"),
        (["inbox", "--out", "inbox"], "lies in the inbox"),
        (["inbox"], "Missing option '--out'"),
        (["inbox", "--out", "out", "--then", "delete"], "'delete' is not one of"),
        (["inbox", "--out", "out", "--metrics-port", "0"], "expected a whole number from 1"),
        (["inbox", "--out", "out", "--threshold", "0.5", "--operating-point", "x"], "exclude"),
    ],
)
def test_wrong_use_is_told_before_a_model_is_opened(
    cxr: Callable[..., Any],
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    told: str,
) -> None:
    """Exit code 2, and nothing is written."""
    monkeypatch.chdir(folders)
    result = cxr("watch", *words)
    assert result.exit_code == ExitCode.USAGE
    assert told in " ".join(result.output.replace("│", " ").split())
    assert not list((folders / "out").iterdir())


@pytest.mark.slow
def test_once_takes_what_is_there(
    cxr: Callable[..., Any], folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of a scan; report, manifest, worklist and health file are there."""
    monkeypatch.chdir(folders)
    (folders / "inbox" / "bad.png").write_text("no image")
    result = cxr("watch", "inbox", "--out", "out", "--once", "--settle", "0.1", "--runtime", "onnx")
    assert result.exit_code == ExitCode.SOME_FAILED, result.output
    assert {path.suffix for path in (folders / "out").iterdir()} == {".csv", ".html", ".json"}
    assert {row["path"]: row["status"] for row in rows(folders)} == {
        "a.jpg": "ok", "bad.png": "failed"
    }  # fmt: skip
    for part in ("2 new files", "failed 1: 1 not-an-image", "failed files: bad.png", "skipped 0"):
        assert part in result.output


@pytest.mark.slow
@pytest.mark.parametrize("polling", [False, True])
def test_it_runs_until_it_is_asked_to_stop(folders: Path, polling: bool) -> None:
    """A decoder that crashes costs one row, the service manager hears of all, and exit code 0."""
    options = ["--then", "move", *(["--poll", "0.2"] if polling else [])]
    with (
        listening(folders / "notify") as heard,
        start(folders, *options, NOTIFY_SOCKET=str(folders / "notify")) as running,
    ):
        wait_until(lambda: b"READY=1" in heard)
        wait_until(lambda: len(rows(folders)) == 1)
        (folders / "inbox" / "crash.png").write_text("crash")
        wait_until(lambda: len(rows(folders)) == 2)
        shutil.copy(SAMPLES / "phantom-opacities.jpg", folders / "inbox" / "b.jpg")
        wait_until(lambda: len(rows(folders)) == 3)
        wait_until(lambda: not list((folders / "inbox").iterdir()))
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=PATIENCE)
        wait_until(lambda: b"STOPPING=1" in heard)
    assert running.returncode == ExitCode.DONE, err
    assert err.splitlines()[-1] == "stopped"
    assert b"WATCHDOG=1" in heard
    assert {row["path"]: row["reason"] for row in rows(folders)} == {
        "a.jpg": "", "crash.png": "decoder-crash", "b.jpg": ""
    }  # fmt: skip
    health = json.loads((folders / "out" / "health.json").read_text(encoding="utf-8"))
    assert health["state"] == "stopped"
    assert sorted(path.name for path in (folders / "out" / "done").rglob("*.*")) == (
        ["a.jpg", "b.jpg"]
    )


@pytest.mark.slow
def test_a_soak_balances(tmp_path: Path) -> None:
    """Kills, a vanishing inbox and a full disk: files in are rows out, none lost and none twice."""
    script = [sys.executable, str(ROOT / "bench" / "watch_soak.py"), "--scratch", str(tmp_path)]
    done = subprocess.run(
        [*script, "--files", "120", "--seconds", "12", "--kills", "2", "--others", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the account balances" in done.stdout
