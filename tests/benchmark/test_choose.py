"""The choice for a device: the fastest that decides as the original does."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cxr_edge.benchmark import choose as module
from cxr_edge.benchmark.choose import Measured, Option, choose, options_of
from cxr_edge.errors import SelfTestFailed, UsageError
from cxr_edge.models.locate import default_package


def measured(artefact: str, runtime: str, rate: float | None, threads: int = 1) -> Measured:
    """Return an option with its rate; None where it cannot run."""
    figures = None if rate is None else SimpleNamespace(end_to_end_rate=rate)
    row: Any = SimpleNamespace(figures=figures)
    return Measured(Option(artefact, runtime, threads), row)


@pytest.fixture
def tested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Self-tests that were run; none fails."""
    seen: list[str] = []
    monkeypatch.setattr(
        module, "call_in_subprocess", lambda _, path, runtime: seen.append(f"{path.name} {runtime}")
    )
    return seen


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ((200, 100, 215), "model.onnx onnx"),
        ((200, 100, 225), "model.int8.onnx onnx"),
        ((200, 201, 100), "model.onnx openvino"),
        ((None, None, 10), "model.int8.onnx onnx"),
    ],
)
def test_fewer_bits_must_gain_a_tenth(
    tested: list[str], rates: tuple[float | None, ...], best: str
) -> None:
    """Between runtimes of one artefact the faster one is taken."""
    options = [
        measured(artefact, runtime, rate)
        for (artefact, runtime), rate in zip(
            [("model.onnx", "onnx"), ("model.onnx", "openvino"), ("model.int8.onnx", "onnx")],
            rates,
            strict=True,
        )
    ]
    choice, left_out = choose(default_package(), options)
    assert f"{choice.artefact} {choice.runtime}" == best
    assert (tested, left_out) == ([best], [])
    assert choice.why.startswith("chosen by 'cxr benchmark --choose': ")


def test_one_that_fails_its_self_test_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is taken, and the reason is told."""

    def test(_: object, path: Path, __: str) -> None:
        if "int8" in path.name:
            raise SelfTestFailed("other results here")

    monkeypatch.setattr(module, "call_in_subprocess", test)
    options = [measured("model.onnx", "onnx", 100), measured("model.int8.onnx", "onnx", 300)]
    choice, left_out = choose(default_package(), options)
    assert choice.artefact == "model.onnx"
    assert left_out == ["model.int8.onnx by onnx: other results here"]


@pytest.mark.usefixtures("tested")
def test_nothing_that_runs_is_an_error() -> None:
    """No choice is written."""
    with pytest.raises(UsageError, match="none of the artefacts can run here"):
        choose(default_package(), [measured("model.onnx", "onnx", None)])


def test_only_what_passed_parity_can_be_chosen(tmp_path: Path) -> None:
    """And what is there; a package without findings is refused."""
    package = tmp_path / "package"
    shutil.copytree(default_package(), package)
    parity = (package / "parity.json").read_text()
    assert "model.int8.onnx" in {one.artefact for one in options_of(package, ["onnx"], [1])}
    found = parity.replace('"verdict": "passed"', '"verdict": "failed"', 1)
    (package / "parity.json").write_text(found)
    assert "model.onnx" not in {one.artefact for one in options_of(package, [], [1])}
    (package / "parity.json").unlink()
    with pytest.raises(UsageError, match="run 'cxr verify'"):
        options_of(package, [], [1])
    with pytest.raises(UsageError, match="expected a model package"):
        options_of(package / "model.onnx", [], [1])
