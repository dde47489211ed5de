"""How far a scan is, by the clock and by the files there are."""

import io
import os
import pty
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import SAMPLES
from rich.console import Console
from runs import session_of

from cxr_edge.cli.progress_bar import Bar, progress_text
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.json_log import JsonLog
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.progress import WINDOW, Meter, Progress

PROGRESS = Progress(rows=10, ok=9, failed=1, total=None, files_per_second=None, seconds_left=None)


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Run:
    """A manifest whose counts a test sets."""

    def __init__(self, names: Iterable[object], rows: int = 0, clock: Clock | None = None) -> None:
        self.counts = Counts(rows=rows)
        self.skipped: Counter[str] = Counter()
        self.clock = clock or Clock()
        self.meter = Meter(names, self.clock)
        self.meter.begin(Manifest(identity=None, counts=self.counts, skipped=self.skipped))

    def counted(self) -> "Run":
        """Wait until all names are counted."""
        wait(self.meter)
        return self

    def read(self, rows: int, failed: int = 0) -> Progress:
        self.counts.rows, self.counts.failed, self.counts.ok = rows, failed, rows - failed
        return self.meter.read()


def wait(meter: Meter) -> None:
    meter._thread.join(10)
    assert not meter._thread.is_alive()


def test_rows_of_an_earlier_run_took_no_time() -> None:
    """A resumed report's rate is of this run alone, and so is the time left."""
    run = Run(range(1000), rows=900).counted()
    run.clock.now += 10
    expected = Progress(920, 919, 1, 1000, files_per_second=2.0, seconds_left=40.0)
    assert run.read(920, failed=1) == expected


def test_before_the_first_batch_nothing_is_foretold() -> None:
    """No rate is better than one of rows that were there before."""
    run = Run(range(10), rows=5).counted()
    run.clock.now += 3
    progress = run.read(5)
    assert (progress.files_per_second, progress.seconds_left) == (None, None)


def test_the_rate_is_a_recent_one() -> None:
    """The speed of an hour ago says nothing of what is left."""
    run = Run(())
    rows = 0
    for second in range(3600 + 2 * int(WINDOW)):
        run.clock.now += 1
        rows += 1 if second < 3600 else 50
        progress = run.read(rows)
    assert progress.files_per_second == 50
    assert len(run.meter._moments) <= WINDOW + 2


def test_the_total_is_unknown_until_all_is_counted() -> None:
    """Counting goes on beside the scan, which does not wait for it."""
    go = threading.Event()

    def names() -> Iterator[int]:
        yield 1
        assert go.wait(10)
        yield 2

    run = Run(names())
    assert run.read(1).total is None
    go.set()
    assert run.counted().read(1).total == 2


def test_files_that_are_no_images_are_taken_off_the_total() -> None:
    """Names are counted; the scan itself opens the files whose names do not tell."""
    run = Run(range(2012)).counted()
    assert run.read(1).total == 2012
    run.skipped.update({"other": 2000, "hidden": 7, "packed": 1})
    assert run.read(1).total == 12
    assert run.read(13).total == 13  # a folder may grow meanwhile


def test_counting_ends_with_the_scan() -> None:
    """A million files are not counted for a scan that was interrupted."""
    stopped = threading.Event()

    def names() -> Iterator[int]:
        yield 1
        assert stopped.wait(10)
        yield 2
        pytest.fail("went on counting")

    run = Run(names())
    run.meter.stop()
    stopped.set()
    assert run.counted().read(0).total is None


def test_the_total_is_of_what_the_scan_takes(model: Model, tmp_path: Path) -> None:
    """The report itself has no row and is not counted, wherever it lies."""
    (tmp_path / "report").touch()
    (tmp_path / "film.png").touch()
    job = ScanJob([tmp_path], tmp_path / "report", session_of(model))
    assert [item.path for item in job.sources.items()] == ["film.png"]
    assert [item.path for item in job.sources.candidates()] == ["film.png"]


@pytest.mark.parametrize("log", [JsonLog, Bar])
def test_no_file_is_opened_to_be_counted(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: type
) -> None:
    """Each of 2,000 files whose names do not tell is opened once, also where progress is shown."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(2000):
        (folder / f"{number}.dat").touch()
    job = ScanJob([folder], tmp_path / "r.csv", session_of(model))
    meter = Meter(job.sources.candidates())
    sink = JsonLog(meter, "r.csv", io.StringIO()) if log is JsonLog else drawn(meter)
    opened: list[object] = []
    real = os.open

    def count(path: object, *how: int, **other: int) -> int:
        if str(path).endswith(".dat"):
            opened.append(path)
        return real(path, *how, **other)

    monkeypatch.setattr(os, "open", count)
    assert run_scan(job, [sink]).skipped == {"other": 2000}
    wait(meter)
    assert len(opened) == 2000


def drawn(meter: Meter) -> Bar:
    return Bar(meter, Console(file=io.StringIO(), force_terminal=True))


def test_what_stands_beside_the_bar() -> None:
    """Only what is known is said."""
    assert progress_text(PROGRESS) == "1 failed"
    assert progress_text(replace(PROGRESS, files_per_second=12.34)) == "1 failed, 12.3 files/s"
    known = replace(PROGRESS, total=9000, files_per_second=2.0, seconds_left=4495.0)
    assert progress_text(known) == "1 failed, 2.0 files/s, 1:14:55 left"


def test_the_bar_follows_the_report(model: Model, tmp_path: Path) -> None:
    """It begins at what an earlier run wrote, is open until the total is known, ends at the end."""
    job = ScanJob([SAMPLES], tmp_path / "r.csv", session_of(model, batching=Batching(2)))
    run_scan(job)
    lines = job.out.read_bytes().splitlines(keepends=True)
    job.out.write_bytes(b"".join(lines[:5]))
    seen: list[tuple[float, float | None]] = []

    class Seen(Bar):
        def begin(self, manifest: Manifest) -> None:
            super().begin(manifest)
            wait(self._meter)

        def _draw(self) -> None:
            super()._draw()
            task = self._bar.tasks[0]
            seen.append((task.completed, task.total))

    bar = Seen(Meter(job.sources.candidates()), Console(file=io.StringIO(), force_terminal=True))
    run_scan(job, [bar])
    assert [rows for rows, _ in seen] == [4, 6, 8, 9]
    assert seen[-1] == (9, 9)
    assert not bar._bar.live.is_started


@pytest.mark.slow
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
