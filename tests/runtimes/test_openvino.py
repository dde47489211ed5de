"""The runtime openvino: what it owes beyond what all runtimes do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fakes import SAMPLES

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable, SpecMissing
from cxr_edge.models.locate import default_package
from cxr_edge.models.open import open_artefact
from cxr_edge.models.registry import installed
from cxr_edge.reports.manifest import manifest_path

pytestmark = [
    pytest.mark.skipif(not installed("openvino"), reason="openvino is not installed"),
    pytest.mark.slow,
]

FLOAT = default_package() / "model.onnx"
INT8 = default_package() / "model.int8.onnx"


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 128, 128, 1), np.uint8)


@pytest.mark.parametrize(("file", "allowed"), [(FLOAT, 1e-5), (INT8, 0.03)])
def test_it_computes_as_onnxruntime_does(file: Path, allowed: float, noise: np.ndarray) -> None:
    """float32 is computed in float32; int8 rounds elsewhere, so it differs by more."""
    ours, theirs = (open_artefact(str(file), name) for name in ("openvino", "onnx"))
    assert ours.runtime.provider == "CPU"
    assert ours.spec == theirs.spec
    np.testing.assert_allclose(
        ours.runtime.run(noise).scores, theirs.runtime.run(noise).scores, atol=allowed
    )


def test_threads_share_a_model(noise: np.ndarray) -> None:
    """Calls at the same time, of different sizes, get each their own answer."""
    runtime = open_artefact(str(FLOAT), "openvino").runtime
    batches = [noise[first : first + 1 + first % 3] for first in range(4)] * 4
    alone = [runtime.run(batch).scores for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = [given.scores for given in pool.map(runtime.run, batches)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_model_without_a_spec_is_named(tmp_path: Path) -> None:
    """Metadata without the key, and no metadata at all, are the same to it."""
    graph = onnx.load(FLOAT)
    for kept in (1, 0):
        del graph.metadata_props[kept:]
        for entry in graph.metadata_props:
            entry.key = "other"
        (tmp_path / "m.onnx").write_bytes(graph.SerializeToString())
        with pytest.raises(SpecMissing, match="--spec"):
            open_artefact(str(tmp_path / "m.onnx"), "openvino")


def test_half_a_file_ends_in_a_message(tmp_path: Path) -> None:
    """Wherever a copy broke off, nothing is run."""
    data = INT8.read_bytes()
    path = tmp_path / "m.onnx"
    for end in (*range(0, 64, 8), *range(100, len(data), len(data) // 10)):
        path.write_bytes(data[:end])
        with pytest.raises((ModelInvalid, SpecMissing), match=r"m\.onnx"):
            open_artefact(str(path), "openvino")


def test_other_devices_are_refused() -> None:
    """A GPU that is asked for is not replaced by the CPU."""
    with pytest.raises(RuntimeUnavailable, match="only the CPU; use --runtime onnx"):
        open_artefact(str(FLOAT), "openvino", device="cuda")


def test_a_scan_says_who_computed(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """The manifest and the summary name the runtime and its device."""
    out = tmp_path / "r.csv"
    words = ("--runtime", "openvino", "--out", out)
    result = cxr("scan", SAMPLES / "phantom-normal.jpg", *words)
    assert result.exit_code == 0
    assert "runtime: openvino (asked for)\ndevice: CPU (the OpenVINO" in result.output
    data = json.loads(manifest_path(out).read_text())
    assert (data["identity"]["runtime"], data["identity"]["provider"]) == ("openvino", "CPU")
    assert data["device_why"] == "the OpenVINO runtime uses the CPU only"


ALONE = """
import socket, sys
for name in ("onnxruntime", "onnx", "ai_edge_litert", "tensorflow"):
    sys.modules[name] = None

def refused(*_):
    print("network")
    raise OSError("no network")

socket.getaddrinfo = socket.create_connection = socket.socket.connect = refused
from cxr_edge.models.open import open_artefact
print(open_artefact().runtime_name, "openvino_telemetry.main" in sys.modules)
"""


def test_it_runs_alone_and_reports_to_nobody(tmp_path: Path) -> None:
    """No ONNX library is needed, nothing is sent and nothing is written to the home folder."""
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={**environment, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["openvino", "False"]
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


LET_GO = """
import gc, signal, sys
from pathlib import Path
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.session import ScanConfig, Session

images, report = map(Path, sys.argv[1:])
for threads in (1, 2):
    config = ScanConfig(runtime="openvino", workers=2, threads=threads, self_test=False)
    session = Session.open(config)
    run_scan(ScanJob([images], report, session, fresh=True))
del session
gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
signal.raise_signal(signal.SIGTERM)
"""


def test_a_signal_is_handled_after_the_model_was_let_go(tmp_path: Path) -> None:
    """Ctrl-C ends a process in good order when ``auto`` has tried OpenVINO and taken another."""
    words = [sys.executable, "-c", LET_GO, SAMPLES, tmp_path / "r.csv"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
