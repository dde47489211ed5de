"""Models whose answer depends on more than the image, or on nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch_like
from fakes import SAMPLES, FakeRuntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.models.consistency import Answers, answers_once, try_answers
from cxr_edge.models.machine_cache import model_cache
from cxr_edge.models.model import Model
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import MINIMAL, ModelSpec

pytestmark = pytest.mark.usefixtures("forgetful")

SIDE = 64


def spec_file(folder: Path, **changes: Any) -> Path:
    taken = {"height": SIDE, "width": SIDE, "channels": 3, "scale": 1 / 255}
    spec = ModelSpec.from_dict({**MINIMAL, "input": taken, "output": {"values": "logit"}} | changes)
    path = folder / "spec.json"
    path.write_text(spec.to_json(), encoding="utf-8")
    return path


def looks_around(graph: onnx.GraphProto) -> None:
    """Let an answer depend on the mean of the batch, as batch norm in training mode does."""
    between(graph, "ReduceMean", axes=[0], keepdims=1)


def draws_lots(graph: onnx.GraphProto) -> None:
    """Let an answer depend on chance, as dropout in training mode does."""
    between(graph, "RandomNormalLike")


def between(graph: onnx.GraphProto, op: str, **attributes: Any) -> None:
    """Take what an operator makes of the features from them."""
    gemm = next(node for node in graph.node if node.op_type == "Gemm")
    place = list(graph.node).index(gemm)
    graph.node.insert(place, helper.make_node("Sub", ["features", "made"], ["changed"]))
    graph.node.insert(place, helper.make_node(op, ["features"], ["made"], **attributes))
    gemm.input[0] = "changed"


def is_dead(graph: onnx.GraphProto) -> None:
    """Let every answer be the same."""
    weight = next(weight for weight in graph.initializer if weight.name == "fc.weight")
    weight.CopyFrom(
        numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(weight)), "fc.weight")
    )


def written(folder: Path, change: Callable[[onnx.GraphProto], None] | None) -> Path:
    path = folder / "m.onnx"
    torch_like.write(str(path), 1, side=SIDE)
    if change:
        network = onnx.load(path)
        change(network.graph)
        onnx.save(network, path)
    return path


@pytest.mark.parametrize("command", ["scan", "evaluate"])
@pytest.mark.parametrize("change", [looks_around, draws_lots])
def test_a_model_that_is_no_function_of_one_image_is_refused(
    change: Callable[[onnx.GraphProto], None],
    command: str,
    cxr: Callable[..., Any],
    tmp_path: Path,
    class_folders: Path,
) -> None:
    """Before any image is scored, with the reason and the way out; which then works."""
    model = written(tmp_path, change)
    data = SAMPLES / "phantom-normal.jpg" if command == "scan" else class_folders
    words = (
        command, data, "--model", model, "--spec", spec_file(tmp_path), "-o", tmp_path / "out",
    )  # fmt: skip
    result = cxr(*words)
    assert result.exit_code == 1
    assert "expected the same answer for an image every time" in result.output
    assert "--allow-nondeterministic" in result.output
    assert not (tmp_path / "out").exists()
    if command == "scan":
        assert cxr(*words, "--allow-nondeterministic").exit_code == 0


@pytest.mark.parametrize("command", ["scan", "evaluate"])
def test_a_model_that_says_the_same_of_every_image_is_told(
    command: str, cxr: Callable[..., Any], tmp_path: Path, class_folders: Path
) -> None:
    """The report is made all the same, and a warning says what to check."""
    data = SAMPLES / "phantom-normal.jpg" if command == "scan" else class_folders
    words = ("--model", written(tmp_path, is_dead), "--spec", spec_file(tmp_path))
    result = cxr(command, data, *words, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "warning: every image that was tried gets the same probability, 0.5" in result.output


def test_a_scan_that_found_one_probability_says_so(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Drawn images may differ where those of the folder do not; the summary tells."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.jpg").symlink_to(SAMPLES / "phantom-normal.jpg")
    said = cxr("scan", folder, "-o", tmp_path / "r.csv").output
    assert "warning: all 20 scored images have the same probability, 0." in said
    (folder / "20.jpg").symlink_to(SAMPLES / "phantom-opacities.jpg")
    assert "the same probability" not in cxr("scan", folder, "-o", tmp_path / "s.csv").output


def test_logits_without_a_word_in_the_spec_are_refused(
    cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """The message shows the field that is missing."""
    path = spec_file(tmp_path, output={})
    words = ("--model", written(tmp_path, None), "--spec", path, "-o", tmp_path / "out.csv")
    result = cxr("scan", SAMPLES / "phantom-normal.jpg", *words)
    assert result.exit_code == 1
    assert '"output": {"values": "logit"}' in result.output


class Alone(FakeRuntime):
    """It takes one image per call."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        if len(pixels) > 1:
            raise ModelError("only one image")
        return super().run(pixels)


class Blind(FakeRuntime):
    """It gives no number for a black image."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        scores = super().run(pixels).scores
        return Outputs(np.where(scores == 0, np.float32(np.nan), scores))


class Forgetful(FakeRuntime):
    """It gives a number for an image only the first time."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        scores = super().run(pixels).scores
        return Outputs(np.full_like(scores, np.nan) if len(self.batches) > 5 else scores)


@pytest.mark.parametrize(("kind", "difference"), [(FakeRuntime, 0), (Alone, 0), (Blind, 0)])
def test_an_honest_model_passes(
    kind: type[FakeRuntime], difference: float, spec: ModelSpec
) -> None:
    """So does one that takes images one by one, or has no answer for some of them."""
    answers = try_answers(kind(spec))
    assert answers.difference == difference
    assert not answers.sameness
    answers.require_function("m")
    answers.require_probabilities("m")


def test_an_answer_that_comes_and_goes_is_a_difference(spec: ModelSpec) -> None:
    """A number here and none there is as far apart as can be."""
    with pytest.raises(ModelInvalid, match="differ by 1:"):
        try_answers(Forgetful(spec)).require_function("m")


def test_a_model_is_tried_once_on_a_machine(spec: ModelSpec) -> None:
    """The record is used, for the same spec; one that somebody changed is not."""
    runtime = FakeRuntime(spec)
    model = Model("ab" * 32, "onnx", runtime)
    first = answers_once(model)
    runtime.batches.clear()
    assert answers_once(model) == first
    assert not runtime.batches
    known = model_cache(model.sha256)
    (question,) = known._findings()
    for rubbish in ("fine", {"difference": 0.0}, {**vars(first), "difference": "small"}, [0]):
        known.put(question, rubbish)
        assert answers_once(model) == first
    assert isinstance(first, Answers)
