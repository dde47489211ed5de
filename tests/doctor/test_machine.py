"""``cxr doctor``: what it says of a machine, and how it says it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES
from typer.testing import CliRunner

from cxr_edge.cli.app import app
from cxr_edge.doctor import machine as here
from cxr_edge.doctor.runtime_trial import Trial
from cxr_edge.errors import CxrError
from cxr_edge.extras import install_command
from cxr_edge.models.open import open_artefact
from cxr_edge.models.registry import RUNTIMES, installed
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.versions import LIBRARIES, library_versions

TABLE_WIDTH = 80


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """The JSON on this machine and the samples, with every runtime tried in its own process."""
    result = CliRunner().invoke(app, ["doctor", str(SAMPLES), "--json"])
    assert result.exit_code == 3, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


@pytest.mark.slow
def test_json_tells_of_the_machine_and_the_folder(told: dict[str, Any]) -> None:
    """One object with a version; the folder's part is there where a folder is given."""
    assert set(told) == {"doctor_version", "machine", "folder"}
    assert told["doctor_version"] == 3
    assert told["machine"]["works"] is True
    assert told["machine"]["usable_cpus"] == usable_cpus()
    assert told["machine"]["available_memory"] <= told["machine"]["memory"]
    assert (told["folder"]["files"], told["folder"]["failing"]) == (9, 2)


def test_the_version_of_every_runtime_is_known() -> None:
    """A library that no report tells the version of could change without notice."""
    assert {kind.module for kind in RUNTIMES.values()} <= set(LIBRARIES)


def test_each_installed_runtime_ran_the_default_model(told: dict[str, Any]) -> None:
    """Doctor says of a runtime the same as a scan by it."""
    runtimes = told["machine"]["runtimes"]
    assert set(runtimes) == set(RUNTIMES)
    for name, facts in runtimes.items():
        if installed(name):
            model = open_artefact(runtime=name)
            assert (facts["model"], facts["provider"]) == (model.tag, model.runtime.provider)
            assert facts["self_test"].startswith("passed")
            assert facts["version"]
        else:
            assert facts["error"] == "not installed"
    assert "CPUExecutionProvider" in told["machine"]["execution_providers"]


def test_every_transfer_syntax_of_images_is_told(told: dict[str, Any]) -> None:
    """Sixteen are decoded."""
    syntaxes = told["machine"]["transfer_syntaxes"]
    assert len(syntaxes) == len(set(syntaxes)) == 16
    assert {"JPEGLosslessSV1", "HTJ2K", "RLELossless", "JPEGLSLossless"} <= set(syntaxes)


@pytest.mark.usefixtures("quick")
def test_the_table_fits_a_terminal(cxr: Callable[..., Any]) -> None:
    """No line is wider than 80 columns, and what matters is in it."""
    result = cxr("doctor")
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.splitlines())) <= TABLE_WIDTH
    assert "ready to scan yes" in {" ".join(line.split()) for line in result.output.splitlines()}


@pytest.mark.usefixtures("quick")
def test_a_folder_begins_with_what_would_fail(cxr: Callable[..., Any]) -> None:
    """The question that was asked is answered first; the machine takes one line."""
    result = cxr("doctor", SAMPLES)
    assert result.exit_code == 3, result.output
    assert max(map(len, result.output.splitlines())) <= TABLE_WIDTH
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines[1:3] == ["files 9", "would fail 2"]
    assert {"truncated 1: truncated.jpg", "multi-frame files 0"} <= set(lines)
    assert lines[-1] == "this machine: ready to scan; 'cxr doctor' says more about it"


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_machine_on_which_a_scan_works_is_well(cxr: Callable[..., Any]) -> None:
    """Exit code 0 without a folder, or with one that is all images."""
    assert cxr("doctor").exit_code == 0
    assert cxr("doctor", SAMPLES / "phantom-normal.jpg").exit_code == 0


@pytest.mark.parametrize("folder", [(), (SAMPLES,)])
def test_no_runtime_is_an_error(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, folder: tuple[Path, ...]
) -> None:
    """Exit code 1, and it says how to install each."""
    monkeypatch.setattr(here, "installed", lambda _: False)
    result = cxr("doctor", *folder)
    assert result.exit_code == 1, result.output
    output = " ".join(result.output.split())
    assert "ready to scan no: see runtimes" in output
    for kind in RUNTIMES.values():
        assert f"not installed: {kind.install}" in output


def test_a_runtime_that_ends_its_process_is_a_line(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is told, and the others are looked at all the same."""

    def die(*_: object, **__: object) -> None:
        raise CxrError("its process died with exit code -11")

    monkeypatch.setattr(here, "call_in_subprocess", die)
    result = cxr("doctor", "--json")
    assert result.exit_code == 1
    runtimes = json.loads(result.stdout)["machine"]["runtimes"]
    errors = {facts["error"] for name, facts in runtimes.items() if installed(name)}
    assert errors == {"its process died with exit code -11"}


@pytest.mark.usefixtures("quick")
def test_an_artefact_that_is_not_installed_is_told(
    tested: Path, monkeypatch: pytest.MonkeyPatch, cxr: Callable[..., Any]
) -> None:
    """The default model may work without it, less exactly."""
    (tested / "model.onnx").unlink()
    monkeypatch.setattr(here, "default_package", lambda: tested)
    output = " ".join(cxr("doctor").output.split())
    assert "; missing, install cxr-edge again: model.onnx" in output


def hang(_: str) -> Trial:
    """Never end; for a process that finds this module."""
    time.sleep(600)
    raise AssertionError


def test_a_runtime_that_hangs_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed after its time, which is told."""
    monkeypatch.setattr(here, "TRIAL_SECONDS", 0.5)
    facts = here._runtime("onnx", library_versions(), hang)
    assert facts.error == "it took longer than 0.5 s"


@pytest.mark.usefixtures("quick")
def test_whatever_a_broken_library_raises_is_told() -> None:
    """Two distributions that overwrote each other's files raise anything: it is a line."""

    def broken(_: str) -> Trial:
        raise AttributeError("module 'onnxruntime' has no attribute 'InferenceSession'")

    facts = here._runtime("onnx", library_versions(), broken)
    assert facts.error.startswith("it fails with AttributeError: module 'onnxruntime' has no")
    assert not facts.works


@pytest.mark.usefixtures("quick")
def test_two_distributions_of_onnxruntime_are_explained(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the commands that get out of it."""
    names = ("onnxruntime", "onnxruntime-gpu")
    monkeypatch.setattr(here, "installed_distributions", lambda: names)
    output = " ".join(cxr("doctor").output.split())
    assert "conflict onnxruntime and onnxruntime-gpu are installed together" in output
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in output


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_cache_that_cannot_be_written_is_told(
    cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan works without it, so that is no error."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    result = cxr("doctor", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["machine"]["cache_error"]


@pytest.mark.usefixtures("quick")
def test_what_an_extra_lacks_is_told(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that installs it."""
    monkeypatch.setattr(here, "EXTRAS", {"evaluate": ("numpy", "no_such_module")})
    output = " ".join(cxr("doctor").output.split())
    assert f"{install_command('evaluate')} (missing: no_such_module)" in output


def test_a_folder_that_is_not_there_is_a_usage_error(cxr: Callable[..., Any]) -> None:
    """Exit code 2, before the machine is looked at."""
    result = cxr("doctor", "no-such-folder")
    assert result.exit_code == 2
    assert "no-such-folder does not exist" in result.output
