"""A model's first opening on a machine, which may crash the process that does it."""

from pathlib import Path
from typing import Any

import pytest
from endless import write_endless
from fakes import SAMPLES, crash

from cxr_edge.isolation import model_trial as module
from cxr_edge.isolation import subprocess_call
from cxr_edge.isolation.model_trial import try_model
from cxr_edge.models.locate import default_package

pytestmark = pytest.mark.usefixtures("forgetful")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A good model in a single file."""
    path = tmp_path / "m.onnx"
    path.write_bytes((default_package() / "model.onnx").read_bytes())
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Trials that were made."""
    made: list[object] = []
    monkeypatch.setattr(
        subprocess_call, "call_in_subprocess", lambda *words, **_: made.append(words)
    )
    return made


def test_a_crash_is_an_error_of_the_model(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cxr: Any
) -> None:
    """It names the file, no report is begun, and the next start tries it again."""
    monkeypatch.setattr(module, "_open", crash)
    for _ in range(2):
        result = cxr("scan", SAMPLES, "--model", model, "-o", tmp_path / "r.csv")
        assert result.exit_code == 1
        assert f"error: {model}: expected a model that opens" in result.output
        assert "exit code -11" in result.output
    assert not (tmp_path / "r.csv").exists()


def test_a_model_that_never_answers_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cxr: Any
) -> None:
    """The limit ends its process, and the message says what may be wrong; no report is begun."""
    write_endless(tmp_path / "m.onnx")
    monkeypatch.setattr(module, "TRIAL_SECONDS", 3.0)
    result = cxr("scan", SAMPLES, "--model", tmp_path / "m.onnx", "-o", tmp_path / "r.csv")
    assert result.exit_code == 1
    assert "opens and scores an image within 3 s, got no answer" in result.output
    assert "loop that does not end" in result.output
    assert not (tmp_path / "r.csv").exists()


def test_a_model_is_tried_once(model: Path, calls: list[object]) -> None:
    """A model that was opened on this machine, by the same runtime, is not tried again."""
    for runtime in ("auto", "auto", "onnx"):
        try_model(str(model), runtime, "auto", None)
    assert len(calls) == 2
    model.write_bytes(model.read_bytes() + b"x")
    try_model(str(model), "auto", "auto", None)
    assert len(calls) == 3


def test_what_needs_no_trial_starts_no_process(model: Path, calls: list[object]) -> None:
    """The default model is good; a GPU takes long to start; nothing is no model."""
    try_model("default", "auto", "auto", None)
    try_model(str(model), "auto", "cuda", None)
    try_model(str(model.with_name("none.onnx")), "auto", "auto", None)
    try_model(str(model.parent), "auto", "auto", None)
    assert not calls


def test_an_orderly_error_is_left_to_who_opens_it(model: Path) -> None:
    """The trial says nothing of it, so that it keeps its kind and its words."""
    model.write_bytes(model.read_bytes()[:1000])
    try_model(str(model), "auto", "auto", None)


def test_a_good_model_passes_for_real(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process opens it and scores an image, and this is remembered."""
    try_model(str(model), "auto", "auto", None)
    monkeypatch.setattr(subprocess_call, "call_in_subprocess", None)
    try_model(str(model), "auto", "auto", None)
