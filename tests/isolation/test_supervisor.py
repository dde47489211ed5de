"""A decoder that crashes, hangs or eats all memory costs its own row and nothing else."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from fakes import ROOT, SAMPLES
from interrupts import heed_interrupts

from cxr_edge.isolation import supervisor as supervise
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.reports.manifest import manifest_path

pytestmark = pytest.mark.slow

FAULTS = ROOT / "tests" / "support" / "faults"

Scan = Callable[..., "subprocess.Popen[str]"]


def ignore() -> None:
    """Be started as by nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Twelve good images; faulty ones are added by the tests."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02}.jpg").symlink_to(SAMPLES / "phantom-normal.jpg")
    return folder


@pytest.fixture
def scan(images: Path, tmp_path: Path) -> Scan:
    """Begin a scan of the images by the command itself, with the faulty decoder planted."""

    def begin(
        *options: str, preexec: Callable[[], object] = heed_interrupts
    ) -> "subprocess.Popen[str]":
        paths = [str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.Popen(
            [sys.executable, "-m", "cxr_edge", "scan", str(images), "--runtime", "onnx",
             "--batch-size", "1", "--out", str(tmp_path / "report.csv"), *options],
            env={**os.environ, "CXR_TEST_FAULTS": "1", "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=preexec,  # noqa: PLW1509  (no thread runs here)
        )  # fmt: skip

    return begin


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "report.csv").open(newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("fault", "options", "reason"),
    [
        ("crash", [], "decoder-crash"),
        ("hang", ["--timeout", "2"], "timeout"),
        ("bomb", ["--max-memory", "700"], "too-large"),
    ],
)
def test_a_faulty_decoder_costs_one_row(
    images: Path, tmp_path: Path, scan: Scan, fault: str, options: list[str], reason: str
) -> None:
    """All others are scored, each file has one row, and the row has the file's digest."""
    (images / "05-fault.jpg").write_text(fault)
    done = scan(*options)
    out, err = done.communicate(timeout=120)
    assert (done.returncode, err) == (3, ""), out
    assert "already in the report" not in out  # no earlier run was there, but an earlier child
    manifest = json.loads(manifest_path(tmp_path / "report.csv").read_text())
    assert (manifest["continued_from"], manifest["started"]) == (0, manifest["report_started"])
    found = rows(tmp_path)
    assert list(found) == sorted([*(f"{number:02}.jpg" for number in range(12)), "05-fault.jpg"])
    assert {path for path, row in found.items() if row["status"] == "failed"} == {"05-fault.jpg"}
    assert found["05-fault.jpg"]["reason"] == reason
    assert len(found["05-fault.jpg"]["sha256"]) == 64


def test_many_faults_cost_as_many_rows(images: Path, tmp_path: Path, scan: Scan) -> None:
    """However often the process dies, the report is the one that a second run leaves alone."""
    for number in (0, 3, 4, 11):
        (images / f"{number:02}-crash.jpg").write_text(f"crash {number}")
    first = scan("--workers", "3")
    first.communicate(timeout=120)
    assert first.returncode == 3
    report = (tmp_path / "report.csv").read_bytes()
    assert sum(row["reason"] == "decoder-crash" for row in rows(tmp_path).values()) == 4
    again = scan("--fresh", "--workers", "1")
    again.communicate(timeout=120)
    assert (tmp_path / "report.csv").read_bytes() == report
    assert (tmp_path / "report.old-1.csv").read_bytes() == report
    assert not (tmp_path / "report.old-2.csv").exists()  # set aside once, not at each restart


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_scan_ends_itself(
    images: Path, tmp_path: Path, scan: Scan, number: signal.Signals
) -> None:
    """The signal reaches the process that scans, even one with a worker that hangs."""
    (images / "05-hang.jpg").write_text("hang")
    begun = scan()
    wait_for_rows(tmp_path / "report.csv")
    begun.send_signal(number)
    begun.communicate(timeout=60)
    assert begun.returncode == 130


def test_a_crash_after_the_end_is_none(images: Path, tmp_path: Path, scan: Scan) -> None:
    """The report is done and written: nothing is scanned again, nor set aside."""
    (images / "05-fault.jpg").write_text("later")
    done = scan("--fresh")
    done.communicate(timeout=120)
    assert done.returncode == 3
    assert len(rows(tmp_path)) == 13
    assert not (tmp_path / "report.old-1.csv").exists()


def test_children_that_always_die_are_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where some died with files in hand and later ones before they had any."""
    died = iter([{1}, {2}, {3}, {4}, set(), set(), set()])

    class Child:
        overdue: ClassVar[set[int]] = set()
        too_large = False

        @classmethod
        def fork(cls, in_flight: InFlightTable) -> "Child":
            monkeypatch.setattr(in_flight, "last_in_hand", lambda: next(died))
            return cls()

        def wait(self, _in_flight: InFlightTable, _asked: list[int]) -> int:
            return -signal.SIGSEGV

    monkeypatch.setattr(supervise, "_Child", Child)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert supervise.supervise("scan", "") == 1
    assert "ended by SIGSEGV 5 times in a row" in capsys.readouterr().err


def test_nohup_holds(images: Path, tmp_path: Path, scan: Scan) -> None:
    """A signal that the command was started to ignore does not end it."""
    (images / "05-hang.jpg").write_text("hang")
    begun = scan("--timeout", "3", preexec=ignore)
    wait_for_rows(tmp_path / "report.csv")
    begun.send_signal(signal.SIGHUP)
    begun.communicate(timeout=120)
    assert begun.returncode == 3
    assert len(rows(tmp_path)) == 13


def test_what_is_killed_leaves_no_process(images: Path, tmp_path: Path, scan: Scan) -> None:
    """Where the command is killed, the process that scans ends too and lets go of the report."""
    (images / "05-hang.jpg").write_text("hang")
    begun = scan()
    wait_for_rows(tmp_path / "report.csv")
    pid = json.loads(manifest_path(tmp_path / "report.csv").read_text())["pid"]
    assert pid != begun.pid
    begun.kill()
    begun.communicate(timeout=60)
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and not is_zombie(pid):
        assert time.monotonic() < until
        time.sleep(0.05)
    (images / "05-hang.jpg").unlink()
    again = scan()
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert len(rows(tmp_path)) == 12


def test_a_second_scan_is_refused(images: Path, tmp_path: Path, scan: Scan) -> None:
    """It is told which process writes the report."""
    (images / "05-hang.jpg").write_text("hang")
    begun = scan()
    wait_for_rows(tmp_path / "report.csv")
    pid = json.loads(manifest_path(tmp_path / "report.csv").read_text())["pid"]
    second = scan()
    _, err = second.communicate(timeout=60)
    begun.send_signal(signal.SIGTERM)
    begun.communicate(timeout=60)
    assert second.returncode == 1
    assert f"is being written by another scan (process {pid})" in err


def wait_for_rows(report: Path) -> None:
    """Wait until some rows are written and the hanging file is in hand."""
    until = time.monotonic() + 60
    while not report.exists() or report.read_bytes().count(b"\n") < 4:
        assert time.monotonic() < until
        time.sleep(0.05)


def is_zombie(pid: int) -> bool:
    return " Z " in Path(f"/proc/{pid}/stat").read_text()


def test_a_faulty_decoder_costs_a_conversion_one_row(images: Path, tmp_path: Path) -> None:
    """A crash becomes a failed row; all other images are converted, and nothing is printed."""
    (images / "05-fault.jpg").write_text("crash")
    paths = [str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "cxr_edge", "convert", str(images), str(tmp_path / "out"),
         "--mapping", str(tmp_path / "report.csv"), "--quiet"],
        env={**os.environ, "CXR_TEST_FAULTS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as file:
        found = {row["source"]: row["reason"] for row in csv.DictReader(file)}
    assert len(found) == 13
    assert {path: reason for path, reason in found.items() if reason} == {
        "05-fault.jpg": "decoder-crash",
    }  # fmt: skip
    assert len(list((tmp_path / "out").iterdir())) == 12
