"""Every line that ``cxr scan --log-json`` writes."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fakes import ROOT, SAMPLES
from runs import session_of

from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.reports import json_log as module
from cxr_edge.reports.json_log import JsonLog
from cxr_edge.reports.progress import Meter

FIELDS = {
    "start": {
        "tool_version", "out", "model", "model_sha256", "runtime", "runtime_asked", "runtime_why",
        "provider", "device_asked", "batch_size", "batch_why", "workers", "threads", "self_test",
        "operating_point", "threshold", "continued_from",
    },
    "progress": {"rows", "ok", "failed", "total", "files_per_second", "seconds_left"},
    "failed": {"path", "reason", "detail"},
    "end": {
        "exit_code", "counts", "skipped", "distribution_shift", "continued_from",
        "files_per_second",
    },
    "error": {"message", "exit_code"},
}  # fmt: skip
"""All events, each with its fields but ``event`` and ``time``."""


def events(text: str) -> list[dict[str, Any]]:
    """Return the events of a log; fails at a line that is none, or has other fields."""
    found = [json.loads(line) for line in text.splitlines()]
    for event in found:
        assert set(event) == FIELDS[event["event"]] | {"event", "time"}
        assert datetime.fromisoformat(event["time"]).utcoffset() is not None
    return found


def names(found: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in found]


def test_a_scan_is_told_from_start_to_end(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Each failed file once, as the report has it; the summary stays on standard output."""
    out = tmp_path / "r.csv"
    result = cxr("scan", SAMPLES, "--runtime", "onnx", "--out", out, "--log-json")
    found = events(result.stderr)
    assert names(found) == ["start", "failed", "failed", "progress", "end"]
    start, first, _, progress, end = found
    assert (start["out"], start["runtime"], start["continued_from"]) == (str(out), "onnx", 0)
    assert (first["path"], first["reason"]) == ("text.png", "not-an-image")
    assert f'{first["reason"]},"{first["detail"]}"' in out.read_text()
    assert (progress["rows"], progress["ok"], progress["failed"]) == (9, 7, 2)
    assert progress["total"] in (None, 9)  # counting may be slower than such a small scan
    assert end["exit_code"] == result.exit_code == 3
    manifest = json.loads(out.with_suffix(".run.json").read_text())
    assert end["counts"] == manifest["counts"]
    assert end["skipped"] == manifest["skipped"]
    assert "files" in result.stdout


def test_quiet_leaves_the_log(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """--quiet is about the summary; a log that is asked for is written."""
    result = cxr("scan", SAMPLES, "--out", tmp_path / "r.csv", "--log-json", "--quiet")
    assert result.stdout == ""
    assert names(events(result.stderr))[-1] == "end"


def test_a_continued_report_says_so(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Rows of an earlier run are named, and have no rate."""
    words = ("scan", SAMPLES, "--out", tmp_path / "r.csv", "--log-json")
    cxr(*words)
    start, progress, end = events(cxr(*words).stderr)
    assert start["continued_from"] == end["continued_from"] == progress["rows"] == 9
    assert progress["files_per_second"] is None
    assert end["files_per_second"] is None


def test_what_stops_it_is_the_last_line(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Before a scan begins, and within one: message and exit code, and no line of text."""
    result = cxr("scan", tmp_path / "none", "--log-json")
    (error,) = events(result.stderr)
    assert "does not exist" in error["message"]
    assert error["exit_code"] == result.exit_code == 2
    out = tmp_path / "r.csv"
    result = cxr("scan", SAMPLES, "--out", out, "--max-failures", 0, "--log-json")
    found = events(result.stderr)
    assert names(found)[0] == "start"
    assert names(found)[-2:] == ["progress", "error"]
    assert found[-1]["exit_code"] == result.exit_code == 1
    assert "--max-failures allows 0" in found[-1]["message"]


@pytest.mark.slow
def test_interrupted_it_says_so(tmp_path: Path) -> None:
    """SIGTERM in the middle of a scan: exit code 130 in the log and of the process."""
    images = tmp_path / "films"
    images.mkdir()
    for number in range(20_000):
        (images / f"{number}.jpg").symlink_to(SAMPLES / "phantom-normal.jpg")
    words = ("scan", images, "--runtime", "onnx", "--out", tmp_path / "r.csv", "--log-json")
    with subprocess.Popen(
        [sys.executable, "-m", "cxr_edge", *map(str, words)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        first = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
    found = events(first + rest)
    assert process.returncode == 130
    assert names(found) == ["start", "progress", "error"]
    assert found[-1]["exit_code"] == 130


def test_progress_comes_now_and_then(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in so many seconds, not once a batch."""
    for every, count in ((0.0, 9), (3600.0, 0)):
        monkeypatch.setattr(module, "EVERY", every)
        stream = io.StringIO()
        job = ScanJob([SAMPLES], tmp_path / f"{every}.csv", session_of(model))
        run_scan(job, [JsonLog(Meter(job.sources.candidates()), "r.csv", stream)])
        progress = [event for event in events(stream.getvalue()) if event["event"] == "progress"]
        assert len(progress) == count + 1
        assert progress[-1]["rows"] == 9


def test_any_file_name_is_one_line(model: Model, tmp_path: Path) -> None:
    """Line breaks and bytes that are not UTF-8 stand as they do in the report."""
    images = tmp_path / "films"
    images.mkdir()
    for name in (b"a\nb.png", b"\xff.png"):
        (images / os.fsdecode(name)).touch()
    stream = io.StringIO()
    job = ScanJob([images], tmp_path / "r.csv", session_of(model))
    run_scan(job, [JsonLog(Meter(job.sources.candidates()), "r.csv", stream)])
    failed = [event["path"] for event in events(stream.getvalue()) if event["event"] == "failed"]
    assert failed == [r"a\x0ab.png", r"\udcff.png"]


@pytest.mark.slow
def test_a_reader_that_went_away_stops_no_scan(tmp_path: Path) -> None:
    """The report is finished, with the exit code of the images; what nobody reads is lost."""
    out = tmp_path / "r.csv"
    words = ("scan", SAMPLES, "--runtime", "onnx", "--out", out, "--log-json", "--quiet")
    with subprocess.Popen(
        [sys.executable, "-m", "cxr_edge", *map(str, words)], stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        process.stderr.close()
    assert process.returncode == 3
    assert len(out.read_text().splitlines()) == 10


def test_every_event_and_field_is_documented() -> None:
    """docs/log.md has them all."""
    text = (ROOT / "docs" / "log.md").read_text()
    for event, fields in FIELDS.items():
        section = text.split(f"### `{event}`", 1)[1].split("\n#", 1)[0]
        for field in fields:
            assert f"`{field}`" in section, (event, field)
