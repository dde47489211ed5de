"""The Python API: what ``import cxr_edge`` offers is what the commands do."""

import ast
import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import ROOT, SAMPLES

import cxr_edge
from cxr_edge.errors import DataError, ReportError, UsageError
from cxr_edge.pipeline.decision import round_probability
from cxr_edge.pipeline.skipped import Skipped


@pytest.fixture(scope="module")
def classifier() -> cxr_edge.Classifier:
    """The default model in onnxruntime."""
    return cxr_edge.open_model(runtime="onnx")


def test_a_scan_gives_what_the_report_holds(
    classifier: cxr_edge.Classifier, cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """``scan`` and ``classify`` give each file of the report its path, label and probability."""
    result = cxr("scan", SAMPLES, "--runtime", "onnx", "--out", tmp_path / "report.csv")
    assert result.exit_code == 3
    skipped = Skipped()
    found = list(cxr_edge.scan(SAMPLES, classifier, skipped=skipped))
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [outcome.path for outcome in found] == [row["path"] for row in rows]
    manifest = json.loads((tmp_path / "report.run.json").read_text("utf-8"))
    assert skipped.counts == manifest["skipped"]
    for outcome, row in zip(found, rows, strict=True):
        alone = classifier.classify(SAMPLES / row["path"])
        for got in (outcome, alone):
            assert got.sha256 == row["sha256"]
            if isinstance(got, cxr_edge.Prediction):
                assert (got.label, f"{got.probability:.6f}") == (row["label"], row["probability"])
                assert got.probability == round_probability(got.probability)
            else:
                assert (got.reason, got.detail) == (row["reason"], row["detail"])


def test_a_path_that_does_not_exist_is_told_at_once(tmp_path: Path) -> None:
    """Before a model is opened, and before the first outcome is asked for."""
    with pytest.raises(UsageError, match="does not exist"):
        cxr_edge.scan(tmp_path / "none")


def test_a_folder_that_goes_is_told(classifier: cxr_edge.Classifier, tmp_path: Path) -> None:
    """Its files are no failures: they are there again when its disk is."""
    ward = tmp_path / "films" / "ward"
    ward.mkdir(parents=True)
    for number in range(80):
        (ward / f"{number:02}.jpg").symlink_to(SAMPLES / "phantom-normal.jpg")
    outcomes = cxr_edge.scan(tmp_path / "films", classifier, workers=1)
    next(outcomes)
    ward.rename(tmp_path / "away")
    with pytest.raises(ReportError, match="ward is no longer available"):
        list(outcomes)


def test_what_is_no_model_is_told() -> None:
    """A name that is too long for any file, and a name where an opened model belongs."""
    with pytest.raises(UsageError, match="does not exist"):
        cxr_edge.open_model("x" * 300)
    with pytest.raises(UsageError, match=r"expected what open_model\(\) returns, got a str"):
        cxr_edge.evaluate("default", SAMPLES)  # type: ignore[arg-type]


def test_a_threshold_decides(classifier: cxr_edge.Classifier) -> None:
    """A threshold of one's own changes the label, and nothing else."""
    image = SAMPLES / "phantom-normal.jpg"
    before = classifier.classify(image)
    after = cxr_edge.open_model(runtime="onnx", threshold=0).classify(image)
    assert isinstance(before, cxr_edge.Prediction)
    assert isinstance(after, cxr_edge.Prediction)
    assert (before.label, after.label) == ("NORMAL", "PNEUMONIA")
    assert before.probability == after.probability


def test_classes_of_another_name_are_no_data_for_the_model(
    classifier: cxr_edge.Classifier, tmp_path: Path
) -> None:
    """``evaluate`` names both sides where folders and model differ."""
    for name in ("CLEAR", "TB"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.jpg").write_bytes((SAMPLES / "phantom-normal.jpg").read_bytes())
    with pytest.raises(DataError, match=r"(?s)PNEUMONIA.*TB|TB.*PNEUMONIA"):
        cxr_edge.evaluate(classifier, tmp_path)


@pytest.mark.slow
def test_the_import_is_cheap_and_the_names_are_typed() -> None:
    """Nothing heavy is loaded before a name is used; the stub has the names that there are."""
    script = (
        "import sys, cxr_edge\n"
        "assert not {'numpy', 'cv2', 'onnxruntime', 'typer'} & set(sys.modules)\n"
        "assert all(getattr(cxr_edge, name) for name in cxr_edge.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    stub = ast.parse((ROOT / "toolkit" / "cxr_edge" / "__init__.pyi").read_text("utf-8"))
    (listed,) = (node.value for node in stub.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(listed) == cxr_edge.__all__
    assert dir(cxr_edge) == sorted(cxr_edge.__all__)
    with pytest.raises(AttributeError, match="no attribute 'classify'"):
        _ = cxr_edge.classify  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"workers": 0}, "^workers: expected a whole number from 1 to 1024, got 0$"),
        ({"workers": 10**9}, "from 1 to 1024, got 1000000000$"),
        ({"classifier": "default"}, "expected what open_model.* returns, got a str$"),
        ({"paths": "a\0b"}, "which has no NUL in it"),
    ],
)
def test_a_scan_that_cannot_work_is_told_at_once(values: dict[str, Any], message: str) -> None:
    """Not when the first outcome is asked for, nor by a library's error."""
    with pytest.raises(UsageError, match=message):
        cxr_edge.scan(**{"paths": SAMPLES, **values})


NO_PATHS: list[object] = [None, 5, b"image.jpg", "a\0b", "\ud800", ["image.jpg"]]

WRONG: dict[str, dict[str, list[object]]] = {
    "open_model": {
        "model": NO_PATHS,
        "operating_point": [5, b"screening", ["screening"]],
        "threshold": ["0.5", True, [0.5], float("nan")],
        "spec": NO_PATHS[1:],
        "runtime": [None, 5, ["onnx"], "tensorrt"],
        "device": [None, 5, ["cpu"], "quantum"],
        "threads": ["2", 1.5, 0],
        "batch_size": ["2", 1.5, 0],
        "self_test": [None, "no", 0],
        "allow_nondeterministic": [None, "no", 0],
    },
    "scan": {
        "paths": [*NO_PATHS[:-1], [None], [5], [["image.jpg"]]],
        "classifier": ["default", 5],
        "workers": ["2", 1.5, 0],
        "skipped": [{}, 5],
    },
    "evaluate": {
        "model": [None, "default", 5],
        "data": NO_PATHS,
        "split": [5, ["test"], "night"],
        "skip_unreadable": [None, "no", 0],
        "copies": [None, "no", 0],
        "counterfactual": [None, "no", 0],
        "styles": NO_PATHS[1:],
    },
    "classify": {"source": [None, 5, "a\0b", "\ud800", ["image.jpg"]]},
}
"""Values of another kind, by function and argument."""


@pytest.mark.parametrize("function", WRONG)
def test_an_argument_of_another_kind_is_a_usage_error(
    classifier: cxr_edge.Classifier, tmp_path: Path, function: str
) -> None:
    """It names the argument; nobody sees an error of Python's own or of a library."""
    for name in ("NORMAL", "PNEUMONIA"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.jpg").symlink_to(SAMPLES / "phantom-normal.jpg")
    good: dict[str, dict[str, object]] = {
        "scan": {"paths": SAMPLES, "classifier": classifier},
        "evaluate": {"model": classifier, "data": tmp_path},
    }
    call = classifier.classify if function == "classify" else getattr(cxr_edge, function)
    for argument, values in WRONG[function].items():
        for value in values:
            with pytest.raises(UsageError, match=argument.replace("_", "[-_]") + "|expected"):
                call(**{**good.get(function, {}), argument: value})


HIDE_EXTRAS = """
import sys
from importlib.machinery import PathFinder
from cxr_edge.extras import EXTRAS

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = any(name.split(".")[0] in modules for modules in EXTRAS.values())
        return None if hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""


def test_the_examples_need_no_extra(tmp_path: Path) -> None:
    """Every example of the page on the Python API runs where no extra is installed."""
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    examples = re.findall(r"^```python.*?\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    (tmp_path / "samples").symlink_to(SAMPLES)
    (tmp_path / "all.py").write_text("\n".join([HIDE_EXTRAS, *examples]), "utf-8")
    done = subprocess.run(
        [sys.executable, "all.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "screening" in done.stdout
