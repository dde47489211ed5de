"""Start-up: which libraries a command loads, and how long it takes to answer."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import SAMPLES

pytestmark = pytest.mark.slow

LIBRARIES = {"numpy", "cv2", "onnxruntime", "simplejpeg"}
"""Libraries that a scan of raster images computes with."""

COMMAND = {"typer", "annotated_doc", "shellingham", "platformdirs"}
"""Libraries of the command line, all small."""


NOT_FOR_A_PLAIN_SCAN = {
    "cxr_edge.extras",
    "cxr_edge.imaging.array",
    "cxr_edge.imaging.dicom",
    "cxr_edge.imaging.headers.bmp",
    "cxr_edge.imaging.headers.png",
    "cxr_edge.imaging.headers.tiff",
    "cxr_edge.isolation.culprits",
    "cxr_edge.isolation.self_watch",
    "cxr_edge.isolation.subprocess_call",
    "cxr_edge.jobs.cluster",
    "cxr_edge.jobs.earlier_report",
    "cxr_edge.jobs.failure_limit",
    "cxr_edge.jobs.remote_scan",
    "cxr_edge.jobs.tables",
    "cxr_edge.models.gates",
    "cxr_edge.models.golden_set",
    "cxr_edge.models.self_test",
    "cxr_edge.pipeline.actor_pool",
    "cxr_edge.pipeline.classifier",
    "cxr_edge.pipeline.ray_engine",
    "cxr_edge.reports.catch_up",
    "cxr_edge.reports.check_rows",
    "cxr_edge.reports.html",
    "cxr_edge.reports.json_lines",
    "cxr_edge.reports.made_with",
    "cxr_edge.reports.missing",
    "cxr_edge.reports.parquet",
    "cxr_edge.reports.quarantine",
    "cxr_edge.reports.spreadsheet",
    "cxr_edge.reports.typed_rows",
    "cxr_edge.runtimes.external_data",
    "cxr_edge.runtimes.timing",
    "cxr_edge.storage.fsspec",
    "cxr_edge.storage.s3",
    "ray",
    "secrets",
    "statistics",
}
"""Modules for what a first scan of a JPEG into a new report does not do."""


def python(*words: object) -> subprocess.CompletedProcess[str]:
    """Run this Python in a process of its own."""
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def test_help_loads_neither_runtime_nor_decoder() -> None:
    """``cxr --help`` answers at once: no onnxruntime, no OpenCV, no numpy."""
    loaded = python("-X", "importtime", "-m", "cxr_edge", "--help").stderr
    modules = {line.rsplit("|", 1)[-1].strip() for line in loaded.splitlines()}
    assert "cxr_edge.cli.app" in modules
    assert not modules & {*LIBRARIES, "pydicom", "tensorflow", "fsspec", "s3fs", "ray"}


def test_help_answers_at_once() -> None:
    """``cxr --help`` takes less than half a second of the CPU, the best of three."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "cxr_edge", "--help"], check=True, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.5, taken


def test_a_scan_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    """A JPEG takes four libraries, the command line, and those own modules that work for it."""
    words = ["scan", str(SAMPLES / "phantom-normal.jpg"), "--runtime", "onnx", "-q"]
    out = str(tmp_path / "r.csv")
    script = (
        "import sys; before = set(sys.modules); from cxr_edge.cli.app import app\n"
        f"app({[*words, '--out', out]!r}, standalone_mode=False)\n"
        "print(*set(sys.modules) - before)"
    )
    python("-c", script)  # the first one tests the package and measures what is remembered
    (tmp_path / "r.csv").unlink()
    modules = set(python("-c", script).stdout.split())
    loaded = {name.partition(".")[0] for name in modules if "cython" not in name}
    assert loaded - sys.stdlib_module_names == {*LIBRARIES, *COMMAND, "cxr_edge"}
    assert modules & NOT_FOR_A_PLAIN_SCAN == set()


def test_a_scan_never_loads_tensorflow(tmp_path: Path) -> None:
    """The runtime runs where TensorFlow is not installed, and does not want it where it is."""
    script = (
        "import sys; from cxr_edge.cli.app import app\n"
        f"app(['scan', {str(SAMPLES)!r}, '--out', {str(tmp_path / 'r.csv')!r}], "
        "standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'onnx', 'tf2onnx', 'cxr_edge.training', 'cxr_export'}\n"
        "assert {'onnxruntime', 'ai_edge_litert', 'openvino'} & set(sys.modules)\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    python("-c", script)
