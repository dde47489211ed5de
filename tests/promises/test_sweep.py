"""The sweep over networks: what its table says of finished runs."""

import importlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from fakes import CLASSES, ROOT

from cxr_edge.datasets.listing import list_training_images


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``bench/sweep.py``, which lies in no package."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module("sweep")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Files of a run: easy images ranked rightly, two counter-style negatives, one wrongly."""
    images = [
        ("n1", 0, 0.1, "no"),
        ("n2", 0, 0.2, "no"),
        ("p1", 1, 0.8, "no"),
        ("p2", 1, 0.9, "no"),
    ]
    images += [("odd1", 0, 0.5, "yes"), ("odd2", 0, 0.85, "yes")]
    names = ("clear", "ill")
    (tmp_path / "config.json").write_text(json.dumps({"labels": names}))
    rows = [f"{path},{names[label]},{path},{score}" for path, label, score, _ in images]
    (tmp_path / "predictions.csv").write_text("\n".join(["path,label,patient,probability", *rows]))
    marks = [f"{path},{mark}" for path, _, _, mark in images]
    (tmp_path / "styles.csv").write_text("\n".join(["path,counter_style", *marks]))
    return tmp_path


def test_figures_of_a_run(sweep: ModuleType, run: Path) -> None:
    """Easy and counter-style images have figures of their own, for any names of the classes."""
    found = sweep.result(run, None)
    assert (found.counter, found.specificity, found.easy) == (0.75, 0.5, 1.0)
    assert found.external != found.external


def test_a_run_without_clusters_is_told(sweep: ModuleType, run: Path) -> None:
    """A split by patient cannot be compared with the others."""
    (run / "styles.csv").unlink()
    with pytest.raises(SystemExit, match="could not be split by style"):
        sweep.result(run, None)


def test_the_table_states_the_spread_over_seeds(sweep: ModuleType) -> None:
    """A row per variant; several seeds give mean and standard deviation, one gives no spread."""
    one, other = (sweep.Result(value, value, value, value) for value in (0.9, 0.7))
    lines = sweep.table({"a": [one, other], "b": [one]}).splitlines()
    assert lines[2].startswith("| a | 2 | 0.8000 ± 0.1414 |")
    assert lines[3].startswith("| b | 1 | 0.9000 |")


def test_only_the_best_get_more_seeds(
    sweep: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All variants get the first seed, the best by their counter-style AUC the others."""
    made = []

    def run(_: object, name: str, seed: int) -> object:
        made.append((name, seed))
        return sweep.Result(0.9 if name == "plain-160" else 0.8, 0.5, 0.9, 0.7)

    monkeypatch.setattr(sweep.Sweep, "run", run)
    words = ["sweep.py", str(tmp_path), "plain-128", "plain-160", "--out", str(tmp_path / "sweep")]
    words += [
        "--styles",
        str(tmp_path),
        "--seeds",
        "1",
        "2",
        "3",
        "2",
        "--best",
        "1",
        "--jobs",
        "2",
    ]
    monkeypatch.setattr(sys, "argv", words)
    sweep.main()
    assert sorted(made) == [
        ("plain-128", 1), ("plain-160", 1), ("plain-160", 2), ("plain-160", 3),
    ]  # fmt: skip
    assert "| plain-160 | 3 | 0.9000" in (tmp_path / "sweep" / "table.md").read_text()


def test_a_failed_run_does_not_end_the_others(
    sweep: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All others are run, with every seed, and a message names the log of the one that failed."""

    def cxr(words: list[str], **_: object) -> object:
        made = Path(words[words.index("--out") + 1])
        return subprocess.CompletedProcess(words, int(made.name == "plain-128-seed-1"))

    monkeypatch.setattr(sweep.subprocess, "run", cxr)
    monkeypatch.setattr(sweep, "result", lambda *_: sweep.Result(0.8, 0.5, 0.9, 0.7))
    words = ["sweep.py", str(tmp_path), "plain-128", "plain-160", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*words, "--styles", str(tmp_path), "--seeds", "1", "2"])
    with pytest.raises(SystemExit, match="1"):
        sweep.main()
    assert "| plain-160 | 2 |" in (tmp_path / "table.md").read_text()
    log = tmp_path / "plain-128-seed-1.log"
    assert log.exists()
    assert f"failed with exit code 1; its last lines are in {log}" in capsys.readouterr().err


def test_an_interruption_starts_no_further_run(
    sweep: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runs that wait are left for the next time."""
    made = []

    def run(_: object, name: str, seed: int) -> object:
        made.append((name, seed))
        return sweep.Result(0.8, 0.5, 0.9, 0.7)

    def interrupted(_: object) -> None:
        while not made:
            time.sleep(0.01)
        raise KeyboardInterrupt

    gate = threading.Event()
    monkeypatch.setattr(sweep.Sweep, "run", lambda *given: (run(*given), gate.wait(5)))
    monkeypatch.setattr(sweep, "as_completed", interrupted)
    threading.Timer(0.3, gate.set).start()
    it = sweep.Sweep(tmp_path, tmp_path, None, tmp_path, "default", 1)
    with pytest.raises(KeyboardInterrupt):
        sweep.run_all(it, [(name, 1) for name in sweep.VARIANTS], 1, {})
    assert len(made) == 1


def test_other_external_images_are_evaluated_again(
    sweep: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figure of one hospital is never taken for that of another."""
    made = []

    def cxr(words: list[str], **_: object) -> object:
        made.append(Path(words[2]).name)
        found = {"group": "all", "groups": {"all": {"auc": {"value": 0.1 * len(made)}}}}
        (tmp_path / "run-external").mkdir(exist_ok=True)
        (tmp_path / "run-external" / "evaluation.json").write_text(json.dumps(found))
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(sweep.subprocess, "run", cxr)
    values = [sweep.evaluated(tmp_path / "run", tmp_path / name) for name in ("a", "a", "b")]
    assert (made, values) == (["a", "b"], [0.1, 0.1, 0.2])


def test_clusters_that_leave_a_class_out_are_told(sweep: ModuleType, run: Path) -> None:
    """Without counter-style negatives there is nothing to compare by."""
    text = (run / "styles.csv").read_text().replace("yes", "no")
    (run / "styles.csv").write_text(text)
    with pytest.raises(SystemExit, match="images of both classes to compare by"):
        sweep.result(run, None)


def test_the_folder_for_a_gpu_machine_has_what_its_script_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images under any names, without a split of their own, the code, and a script that bash reads;
    'cxr audit' and pip are asked for clusters and wheels."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    packing = importlib.import_module("gpu_sweep")
    for split in ("train", "val"):
        for number, name in enumerate(CLASSES):
            image = tmp_path / "a set" / split / name / f"IM {split}, {number}.png"
            image.parent.mkdir(parents=True)
            assert cv2.imwrite(str(image), np.full((8, 8), 9, np.uint8))
    asked: list[list[str]] = []
    run = subprocess.run
    monkeypatch.setattr(packing.subprocess, "run", lambda words, **_: asked.append(words))
    folder, data = tmp_path / "folder", str(tmp_path / "a set")
    monkeypatch.setattr(sys, "argv", ["gpu_sweep.py", data, str(folder), "--external", data])
    packing.main()
    assert [words[1] for words in asked] == ["audit", "-m"]
    for name in ("images", "external"):
        listed = list_training_images(folder / name / "manifest.csv", CLASSES)
        assert len(listed) == len(list_training_images(Path(data), CLASSES)) > 0
        assert not any(image.split for image in listed)
    assert (folder / "bench" / "sweep.py").is_file()
    assert (folder / "toolkit/cxr_edge/models/default/model.onnx").is_file()
    run(["bash", "-n", folder / "run.sh"], check=True)


def test_the_options_are_those_of_the_command(sweep: ModuleType) -> None:
    """Every variant is a command that cxr train takes."""
    import typer

    from cxr_edge.cli.app import app

    command = typer.main.get_command(app).commands["train"]
    known = {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for options in sweep.VARIANTS.values():
        assert {word for word in options.split() if word.startswith("--")} <= known
