"""Runs side by side."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cxr_edge.errors import DataError
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.teacher_overlap import TeacherOverlap
from cxr_edge.spec.validation import NOT_MEASURED, WorstGroup
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


def test_the_worst_group_comes_first(run_folder: Path, tmp_path: Path) -> None:
    """Its name and AUC stand before that of all images, over seeds too; a run that was not measured
    so is named, and so is a teacher that may have seen the images."""
    plain = read_run(run_folder)
    assert plain.spec.provenance is not None
    judged = replace(
        plain.spec.provenance,
        worst_group=WorstGroup("counter-style", Interval(0.61, 0.5, 0.7)),
        teacher_overlap=(TeacherOverlap("large@abababababab", None, 24),),
    )
    folders = [tmp_path / f"judged-{seed}" for seed in (1, 2)]
    for seed, folder in enumerate(folders, start=1):
        shutil.copytree(run_folder, folder)
        (folder / "config.json").write_text(json.dumps({**plain.config, "epochs": 9, "seed": seed}))
        (folder / "model.keras").unlink()
        append_spec(folder / "model.keras", replace(plain.spec, provenance=judged))
    found = compare([run_folder, *folders], tmp_path / "out")
    columns = dict(zip(found.table.columns, zip(*found.table.rows, strict=True), strict=True))
    titles = ["worst group", "AUC of worst group", "AUC of all images"]
    assert [title for title in columns if title in titles] == titles
    assert columns["worst group"] == ("-", "counter-style", "counter-style")
    assert columns["AUC of worst group"][1] == "0.610 (0.500 to 0.700)"
    assert columns["AUC of all images"][0] == str(plain.figures.auc)
    assert found.seeds is not None
    assert found.seeds.columns[2] == "AUC of worst group"
    assert found.seeds.rows[0][2] == "0.6100 ± 0.0000"
    assert f"- {run_folder.name}: {NOT_MEASURED}." in found.markdown
    assert "- judged-1: figures may be too good: what teacher large@" in found.markdown


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
