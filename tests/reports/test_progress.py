"""How far a scan is, by the clock and by the files there are."""

import io
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import SAMPLES
from rich.console import Console

from cxr_edge.cli.progress_bar import Bar, described
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.decision import Decision
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.manifest import RunManifest
from cxr_edge.reports.observer import Unobserved
from cxr_edge.reports.progress import WINDOW, Meter, Standing

STANDING = Standing(rows=10, ok=9, failed=1, total=None, files_per_second=None, seconds_left=None)


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def wait(meter: Meter) -> None:
    meter._thread.join(10)
    assert not meter._thread.is_alive()


def test_rows_of_an_earlier_run_took_no_time() -> None:
    """A resumed report's rate is of this run alone, and so is the time left."""
    clock = Clock()
    meter = Meter(range(1000), clock)
    meter.begin(900)
    wait(meter)
    clock.now += 10
    standing = meter.read(Counts(rows=920, ok=919, failed=1))
    assert standing == Standing(920, 919, 1, 1000, files_per_second=2.0, seconds_left=40.0)


def test_before_the_first_batch_nothing_is_foretold() -> None:
    """No rate is better than one of rows that were there before."""
    clock = Clock()
    meter = Meter(range(10), clock)
    meter.begin(5)
    wait(meter)
    clock.now += 3
    standing = meter.read(Counts(rows=5))
    assert (standing.files_per_second, standing.seconds_left) == (None, None)


def test_the_rate_is_a_recent_one() -> None:
    """What was slow an hour ago says nothing of what is left."""
    clock = Clock()
    meter = Meter((), clock)
    meter.begin(0)
    rows = 0
    for second in range(3600 + 2 * int(WINDOW)):
        clock.now += 1
        rows += 1 if second < 3600 else 50
        standing = meter.read(Counts(rows=rows))
    assert standing.files_per_second == 50
    assert len(meter._moments) <= WINDOW + 2


def test_the_total_is_unknown_until_all_is_counted() -> None:
    """Counting goes on beside the scan, which does not wait for it."""
    go = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert go.wait(10)
        yield 2

    meter = Meter(items())
    meter.begin(0)
    assert meter.read(Counts(rows=1)).total is None
    go.set()
    wait(meter)
    assert meter.read(Counts(rows=1)).total == 2


def test_counting_ends_with_the_scan() -> None:
    """A million files are not counted for a scan that was interrupted."""
    stopped = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert stopped.wait(10)
        yield 2
        pytest.fail("went on counting")

    meter = Meter(items())
    meter.begin(0)
    meter.stop()
    stopped.set()
    wait(meter)
    assert meter.read(Counts()).total is None


def test_the_total_is_of_what_the_scan_takes(model: Model, tmp_path: Path) -> None:
    """The report itself has no row and is not counted, wherever it lies."""
    (tmp_path / "report").touch()
    (tmp_path / "film.png").touch()
    job = ScanJob([tmp_path], tmp_path / "report", model, Decision.of(model.spec))
    assert [item.path for item in job.items()] == ["film.png"]


def test_what_stands_beside_the_bar() -> None:
    """Only what is known is said."""
    assert described(STANDING) == "1 failed"
    assert described(replace(STANDING, files_per_second=12.34)) == "1 failed, 12.3 files/s"
    known = replace(STANDING, total=9000, files_per_second=2.0, seconds_left=4495.0)
    assert described(known) == "1 failed, 2.0 files/s, 1:14:55 left"


def test_the_bar_follows_the_report(model: Model, tmp_path: Path) -> None:
    """It begins at what an earlier run wrote, is open until the total is known, ends at the end."""
    job = ScanJob([SAMPLES], tmp_path / "r.csv", model, Decision.of(model.spec),
                  batching=Batching(2))  # fmt: skip
    run_scan(job)
    lines = job.out.read_bytes().splitlines(keepends=True)
    job.out.write_bytes(b"".join(lines[:5]))
    seen: list[tuple[float, float | None]] = []

    class Drawn(Bar):
        def begun(self, manifest: RunManifest) -> None:
            super().begun(manifest)
            wait(self._meter)

        def _draw(self) -> None:
            super()._draw()
            task = self._bar.tasks[0]
            seen.append((task.completed, task.total))

    bar = Drawn(Meter(job.items()), Console(file=io.StringIO(), force_terminal=True))
    run_scan(job, bar)
    bar.close()
    assert [rows for rows, _ in seen] == [4, 6, 8, 9]
    assert seen[-1] == (9, 9)


def test_who_is_told(model: Model, tmp_path: Path) -> None:
    """Once when it begins, of each batch, once when it is finished."""
    told: list[object] = []

    class Told(Unobserved):
        def begun(self, manifest: RunManifest) -> None:
            told.append(("begun", manifest.counts.rows, manifest.exit_code))

        def written(self, outcomes: object) -> None:
            assert isinstance(outcomes, list)
            told.append(len(outcomes))

        def ended(self, manifest: RunManifest) -> None:
            told.append(("ended", manifest.counts.rows, manifest.exit_code))

    decision = Decision.of(model.spec)
    run_scan(ScanJob([SAMPLES], tmp_path / "r.csv", model, decision, batching=Batching(4)), Told())
    assert told == [("begun", 0, None), 4, 4, 1, ("ended", 9, 3)]


def test_a_terminal_sees_the_bar(tmp_path: Path) -> None:
    """Done, total, failed and the rate while it runs; nothing of it is left behind on the pipe."""
    ours, theirs = pty.openpty()
    words = ("scan", SAMPLES, "--runtime", "onnx", "--out", tmp_path / "r.csv", "--no-self-test")
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "cxr_edge", *map(str, words)],
        stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True, check=False,
    )  # fmt: skip
    os.close(theirs)
    drawn = os.read(ours, 1 << 20).decode()
    os.close(ours)
    assert done.returncode == 3
    for text in ("9/9", "2 failed", "files/s"):
        assert text in drawn
    assert "\x1b" not in done.stdout
