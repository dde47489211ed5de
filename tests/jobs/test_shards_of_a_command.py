"""``cxr scan --shards`` as processes that die: decoders, drivers and workers of a cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import ROOT, SAMPLES

pytestmark = pytest.mark.slow

FAULTS = ROOT / "tests" / "support" / "faults"
COUNT = 43


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Forty images, and three files that end the process which decodes them."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(COUNT - 3):
        (folder / f"{number:02}.jpg").symlink_to(SAMPLES / "phantom-normal.jpg")
    for number in (3, 4, 31):
        (folder / f"{number:02}-crash.jpg").write_text(f"crash {number}")
    return folder


def begin(films: Path, place: Path, *options: str) -> "subprocess.Popen[str]":
    """Begin a scan by the command itself, with a decoder that some words make crash."""
    paths = [str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    out = ["--shards", str(place), "--shard-size", "10"]
    return subprocess.Popen(
        [sys.executable, "-m", "cxr_edge", "scan", str(films), "--runtime", "onnx",
         "--batch-size", "2", *out, *options],
        env={**os.environ, "CXR_TEST_FAULTS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def scan(films: Path, place: Path, *options: str) -> dict[str, Any]:
    """Scan, and return the manifest; nothing is printed to standard error."""
    done = begin(films, place, *options)
    printed, err = done.communicate(timeout=200)
    assert (done.returncode, err) == (3, ""), printed
    content: dict[str, Any] = json.loads((place / "run.json").read_text())
    return content


def shards(place: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in place.glob("shard-*")}


def test_a_file_that_crashes_its_decoder_costs_a_row(films: Path, tmp_path: Path) -> None:
    """The run goes on in a new process, and does not count the shards as those of another run."""
    told = scan(films, tmp_path / "shards")
    assert told["counts"]["reasons"] == {"decoder-crash": 3}
    assert (told["counts"]["rows"], told["continued_from"]) == (COUNT, 0)
    before = shards(tmp_path / "shards")
    assert scan(films, tmp_path / "shards", "--workers", "1")["continued_from"] == COUNT
    assert shards(tmp_path / "shards") == before


def test_a_cluster_makes_the_same_shards(films: Path, tmp_path: Path) -> None:
    """Also where the driver is killed in mid-run and started again: no file is scanned twice."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    scan(films, tmp_path / "threads")
    place = tmp_path / "ray"
    begun = begin(films, place, "--engine", "ray", "--workers", "1")
    until = time.monotonic() + 120
    while not shards(place) and begun.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    begun.send_signal(signal.SIGKILL)
    begun.communicate(timeout=60)
    kept = shards(place)
    assert kept
    told = scan(films, place, "--engine", "ray", "--workers", "2")
    assert shards(place) == shards(tmp_path / "threads")
    assert told["engine"] == "ray"
    assert told["continued_from"] == sum(data.count(b"\n") - 1 for data in kept.values())
