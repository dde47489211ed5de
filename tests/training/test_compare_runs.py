"""Runs side by side."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxr_edge.errors import DataError
from cxr_edge.training.compare_runs import compare, read_run

pytestmark = pytest.mark.slow


def test_runs_are_compared_without_keras() -> None:
    """The extra that the command asks for brings no Keras."""
    hidden = "import sys; sys.modules.update(keras=None, tensorflow=None)"
    code = f"{hidden}; import cxr_edge.training.compare_runs"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_runs_stand_in_one_table(run_folder: Path, tmp_path: Path) -> None:
    """A row a run, the mean over seeds, the caution where the images differ, one picture."""
    other = tmp_path / "other"
    shutil.copytree(run_folder, other)
    assert compare([run_folder, other], tmp_path / "out").seeds is None  # one seed twice
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "epochs": 9, "seed": 5}))
    assert compare([run_folder, other], tmp_path / "out").seeds is None  # other settings
    (other / "config.json").write_text(json.dumps({**config, "seed": 5}))
    text = compare([run_folder, other], tmp_path / "out").markdown
    assert text.count("| edge |") == 3
    assert "708,881" in text
    assert "| edge | 2 |" in text
    assert "± 0.0000" in text
    assert "different images" not in text
    assert (tmp_path / "out" / "compare.png").read_bytes().startswith(b"\x89PNG")
    report = (tmp_path / "out" / "compare.md").read_text()
    assert text == report
    assert report.count(f"`{config['command']}`") == 2
    odd = tmp_path / "cost$^$5|x"  # neither a formula nor two cells
    shutil.copytree(run_folder, odd)
    assert r"cost$^$5\|x" in compare([run_folder, odd], tmp_path / "out").markdown
    lines = (other / "predictions.csv").read_text().splitlines(keepends=True)
    (other / "predictions.csv").write_text("".join(lines[:-1]))
    assert "different images" in compare([run_folder, other], tmp_path / "out").caution


def test_runs_of_different_data_are_told(
    run_folder: Path, tmp_path: Path, cxr: Callable[..., Any]
) -> None:
    """By the digests of their images, with the names of the runs."""
    for name, digest in (("same", None), ("other", "ab" * 32)):
        shutil.copytree(run_folder, tmp_path / name)
        config = json.loads((run_folder / "config.json").read_text())
        config["data_sha256"] = digest or config["data_sha256"]
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    runs = [run_folder, tmp_path / "same", tmp_path / "other"]
    assert not compare(runs[:2], tmp_path / "out").data_warning
    told = f"different data sets: {run_folder.name}, same; other. Their figures"
    assert told in cxr("compare", *runs, "-o", tmp_path / "table").stderr
    assert told in (tmp_path / "table" / "compare.md").read_text()


def test_the_figures_are_the_specs(run_folder: Path) -> None:
    """From the predictions come the AUC and the sensitivities that the model states."""
    run = read_run(run_folder)
    facts = run.spec.provenance
    assert facts is not None
    assert run.figures.auc is not None
    assert run.figures.auc.value == pytest.approx(facts.validation_auc.value, abs=1e-3)
    for point in run.spec.operating_points:
        assert run.figures.point(point.name).sensitivity == point.sensitivity
    assert run.epochs == 2


def test_an_unfinished_run_is_refused(
    run_folder: Path, tmp_path: Path, cxr: Callable[..., Any]
) -> None:
    """With what to do."""
    shutil.copytree(run_folder, tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(DataError, match="folder of a finished run"):
        read_run(tmp_path / "run")
    (tmp_path / "run" / "model.keras").unlink()
    with pytest.raises(DataError, match="folder of a finished run"):
        read_run(tmp_path / "run")
    assert cxr("compare", tmp_path / "run", "-o", tmp_path / "out").exit_code == 1
