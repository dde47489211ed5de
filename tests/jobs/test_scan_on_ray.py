"""``cxr scan --engine ray``: the rows of threads, whatever dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import ROOT, SAMPLES
from interrupts import heed_interrupts

from cxr_edge.reports.manifest import manifest_path

pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = pytest.mark.slow

FAULTS = ROOT / "tests" / "support" / "faults"


@pytest.fixture(autouse=True)
def short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder for what a killed cluster leaves; its path is short, since sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="cxr-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Images of several kinds, more than a worker gets at once."""
    folder = tmp_path / "films"
    shutil.copytree(SAMPLES, folder / "samples", ignore=shutil.ignore_patterns("*.py", "*.csv"))
    for number in range(60):
        (folder / f"{number:02}.jpg").symlink_to(SAMPLES / "phantom-normal.jpg")
    return folder


def begin(films: Path, out: Path, *options: str) -> "subprocess.Popen[str]":
    """Begin a scan by the command itself, with a decoder that some words make crash or hang."""
    paths = [str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "cxr_edge", "scan", str(films), "--runtime", "onnx",
         "--batch-size", "4", "--out", str(out), *options],
        env={**os.environ, "CXR_TEST_FAULTS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no thread runs here)
    )  # fmt: skip


def scan(films: Path, out: Path, *options: str) -> dict[str, Any]:
    """Scan, and return the manifest; nothing is printed to standard error."""
    done = begin(films, out, *options)
    printed, err = done.communicate(timeout=200)
    assert (done.returncode, err) == (3, ""), printed
    assert "(raylet)" not in printed
    content: dict[str, Any] = json.loads(manifest_path(out).read_text())
    return content


def test_faults_cost_a_row_each_and_the_rows_are_those_of_threads(
    films: Path, tmp_path: Path
) -> None:
    """A decoder that crashes or eats all memory in a worker costs its own row, no other byte."""
    (films / "05-crash.jpg").write_text("crash")
    (films / "41-bomb.jpg").write_text("bomb")
    local, remote = tmp_path / "threads.csv", tmp_path / "ray.csv"
    first = scan(films, local, "--max-memory", "700")
    second = scan(films, remote, "--max-memory", "700", "--engine", "ray", "--workers", "2")
    assert remote.read_bytes() == local.read_bytes()
    assert {"decoder-crash", "too-large", "truncated"} <= second["counts"]["reasons"].keys()
    assert (first["engine"], second["engine"]) == ("threads", "ray")
    assert (second["workers"], second["identity"]) == (2, first["identity"])


def test_a_report_is_finished_by_the_other_engine(films: Path, tmp_path: Path) -> None:
    """Its bytes are those of one engine alone."""
    (films / "20-broken.jpg").write_text("no image")
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    scan(films, whole)
    begun = begin(films, part, "--max-failures", "0")
    begun.communicate(timeout=60)
    assert begun.returncode == 1
    manifest = scan(films, part, "--engine", "ray")
    assert 0 < manifest["continued_from"] < manifest["counts"]["rows"]
    assert part.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_cluster_of_this_machine_ends_with_the_scan(
    films: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Interrupted or killed: none of its processes is left."""
    (films / "00-hang.jpg").write_text("hang")
    begun = begin(films, tmp_path / "report.csv", "--engine", "ray", "--workers", "1")
    until = time.monotonic() + 60
    while not workers_of(begun.pid) and time.monotonic() < until:
        time.sleep(0.2)
    working = workers_of(begun.pid)
    assert working
    begun.send_signal(number)
    begun.communicate(timeout=60)
    assert begun.returncode == code
    until = time.monotonic() + 30
    while (left := still_there(working)) and time.monotonic() < until:
        time.sleep(0.2)
    assert not left


def processes() -> dict[int, tuple[int, str]]:
    """Return the parent and the command line of each process."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if status[0] != "Z":
            found[int(folder.name)] = (int(status[1]), line)
    return found


def workers_of(pid: int) -> dict[int, str]:
    """Return the processes below one, once a worker is among them."""
    table = processes()
    below = {pid}
    while more := {each for each, (above, _) in table.items() if above in below} - below:
        below |= more
    found = {each: table[each][1] for each in below - {pid}}
    if not any("ray::_Worker" in line for line in found.values()):
        return {}
    # What only reports on a machine finds out later that its cluster has ended.
    return {each: line for each, line in found.items() if "Agent" not in line}


def still_there(known: dict[int, str]) -> dict[int, str]:
    """Return those of some processes that are still there."""
    table = processes()
    return {pid: line for pid, line in known.items() if table.get(pid, (0, ""))[1] == line}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--address", "auto"], "--address is for a cluster; add --engine ray"),
        (["--engine", "ray", "--heatmaps", "maps"], "--heatmaps does not go with --engine ray"),
        (["--engine", "ray", "--address", "ray://head:1"], "expected HOST:PORT of the cluster"),
        (["--engine", "ray", "--address", "127.0.0.1:9"], "nobody answers there"),
    ],
)
def test_what_cannot_work_is_told_at_once(
    cxr: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    """And no report is begun."""
    for name, value in {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}.items():
        monkeypatch.setenv(name, value)  # which the engine sets, and this takes back
    out = tmp_path / "report.csv"
    done = cxr("scan", SAMPLES / "phantom-normal.jpg", "--out", out, *options)
    assert done.exit_code in (1, 2)
    assert message in " ".join(done.output.split())
    assert not out.exists()
