"""Training by each library that Keras computes with."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxr_edge.errors import ExitCode
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.training.history import read_history

OTHERS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            importlib.util.find_spec(name) is None, reason=f"{name} is not installed"
        ),
    )
    for name in ("jax", "torch")
]


SCRIPT = """
import sys
from importlib.machinery import PathFinder
class WithoutTensorFlow(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        missing = name.partition(".")[0] == "tensorflow"
        return None if missing else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTensorFlow
last = int(sys.argv.pop(1))
from cxr_edge.training import checkpoints
class Stop(checkpoints.SeedEpochs):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == last:
            raise KeyboardInterrupt
        super().on_epoch_begin(epoch, logs)
checkpoints.SeedEpochs = Stop
from cxr_edge.cli.entry import main
main()
"""
"""``cxr`` where TensorFlow is not installed, interrupted after as many epochs as it is told."""


@pytest.mark.slow
@pytest.mark.parametrize("backend", OTHERS)
def test_another_library_trains_without_tensorflow(
    class_folders: Path, tmp_path: Path, cxr: Callable[..., Any], backend: str
) -> None:
    """A run, interrupted and continued, with averaged weights; TensorFlow is never
    loaded, neither to evaluate the model, which TensorFlow exports in another process."""
    words = ["train", class_folders, "-o", tmp_path / "run", "--architecture", "cnn-pooled"]
    words += ["--image-size", 32, "--epochs", 2, "--averaging", 0.9, "--resume"]
    words += ["--crop-area", 0.5, "--deterministic"]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    for last, expected in (("1", ExitCode.INTERRUPTED), ("9", ExitCode.DONE)):
        command = [sys.executable, "-c", SCRIPT, last, *map(str, words)]
        assert subprocess.run(command, check=False, env=environment).returncode == expected
    assert [row["epoch"] for row in read_history(tmp_path / "run")] == [1, 2]
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert backend in config["libraries"]
    model = tmp_path / "run" / "model.keras"
    words = ["evaluate", class_folders, "--model", model, "-o", tmp_path / "evaluation"]
    command = [sys.executable, "-c", SCRIPT, "9", *map(str, words)]
    assert subprocess.run(command, check=False, env=environment).returncode == ExitCode.DONE
    with zipfile.ZipFile(model) as archive:
        assert {"config.json", "model.weights.h5", "spec.json"} <= set(archive.namelist())
    assert read_appended_spec(model.read_bytes(), "model.keras").provenance is not None
    exported = cxr("export", model, "-o", tmp_path / "package", "--formats", "onnx")
    assert exported.exit_code == 0, exported.output


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("mxnet", "KERAS_BACKEND: expected tensorflow, jax, torch, got 'mxnet'"),
        ("jax", "jax is not; install it (pip install jax)"),
    ],
)
def test_a_library_that_is_not_there_is_told(
    cxr: Callable[..., Any],
    class_folders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    message: str,
) -> None:
    """Every command that loads Keras says so as a usage error, before Keras fails to load it."""
    model = tmp_path / "model.keras"
    model.write_bytes(b"not read before")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    for words in (
        ("train", class_folders, "-o", tmp_path / "run"),
        ("evaluate", class_folders, "--model", model, "-o", tmp_path / "evaluation"),
        ("explain", model, class_folders, "-o", tmp_path / "maps"),
        ("export", model, "-o", tmp_path / "package"),
    ):
        result = cxr(*words)
        assert result.exit_code == 2, words
        assert message in " ".join(result.output.split())
