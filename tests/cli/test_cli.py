"""The command: help, exit codes, what it loads and what it prints."""

import importlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from fakes import ROOT, SAMPLES, runtimes

from cxr_edge import __version__
from cxr_edge.cli import entry
from cxr_edge.cli.app import app
from cxr_edge.extras import install_command
from cxr_edge.models.locate import default_package
from cxr_edge.notice import RESEARCH_USE

COMMANDS = tuple(typer.main.get_command(app).commands)
IMAGE = SAMPLES / "phantom-normal.jpg"
FLOAT = ("--formats", "onnx,tflite")


def python(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run this Python in a process of its own."""
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_every_command_explains_itself(cxr: Callable[..., Any], command: tuple[str, ...]) -> None:
    """--help works everywhere; the top one lists the commands and the exit codes."""
    result = cxr(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output
    if not command:
        assert all(name in result.output for name in COMMANDS)
        assert "Exit codes" in result.output


def test_the_version_is_the_packages(cxr: Callable[..., Any]) -> None:
    """One number, everywhere."""
    assert cxr("--version").output.strip() == f"cxr-edge {__version__}"


def test_the_summary_names_files_counts_and_limits(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """The summary has counts, failed files by name, and the research notice."""
    result = cxr("scan", SAMPLES, "--out", tmp_path / "r.csv")
    assert result.exit_code == 3
    for text in ("files", "1 not-an-image, 1 truncated", "text.png, truncated.jpg", RESEARCH_USE):
        assert text in result.output
    assert "The model cxr-twin was trained on: paediatric X-rays of one hospital" in result.output


def test_quiet_prints_nothing(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Cron jobs get the exit code and the report."""
    result = cxr("scan", IMAGE, "--out", tmp_path / "r.csv", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_an_empty_folder_is_told(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Exit code 0, a report with its header, and a message."""
    (tmp_path / "empty").mkdir()
    result = cxr("scan", tmp_path / "empty", "--out", tmp_path / "r.csv")
    assert result.exit_code == 0
    assert "no images found" in result.output


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["scan", "{tmp}/none"], 2, "does not exist"),
        (["scan", IMAGE, "--out", "{tmp}/none/r.csv"], 2, "make it first"),
        (["scan", IMAGE, "--out", "{tmp}/r.csv", "--colour"], 2, "No such option"),
        (["scan"], 2, "expected a PATH to scan"),
        (["scan", IMAGE, "--model", "{tmp}/none"], 2, "does not exist"),
        (["scan", IMAGE, "--model", SAMPLES / "generate.py"], 1, "expected an .onnx"),
        (
            ["scan", IMAGE, "--threshold", "0.5", "--operating-point", "fixed-0.5"],
            2,
            "--operating-point and --threshold exclude each other",
        ),
        (["scan", "-help"], 2, "No such option: -help. Did you mean --help?"),
        (["convert", SAMPLES, "{tmp}/o", "--quality", "80"], 2, "--quality: expected it with"),
        (["audit", SAMPLES, "--fix", "-"], 2, "--fix: expected a file or folder, got -"),
        (["evaluate", SAMPLES, "-o", "-"], 2, "--out: expected a file or folder, got -"),
        (["audit", SAMPLES, "--styles", "-"], 2, "--styles: expected a file or folder, got -"),
        (
            ["audit", SAMPLES, "--styles", "{tmp}/s", "--features", "{tmp}/none"],
            2,
            "--features: {tmp}/none does not exist",
        ),
        (
            ["explain", IMAGE, IMAGE, "--spec", "{tmp}/none"],
            2,
            "--spec: {tmp}/none cannot be read",
        ),
        (["scan", IMAGE, "--threshold", "1.5"], 2, "1.5"),
        (["scan", IMAGE, "--threshold", "nan"], 2, "got nan"),
        (["scan", IMAGE, "--operating-point", "none"], 2, "screening, balanced, fixed-0.5"),
        (
            ["scan", IMAGE, "--device", "tpu"],
            2,
            "'tpu' is not one of 'auto', 'cpu', 'tensorrt',",
        ),
        (["train", "{tmp}/none"], 2, "DATA: {tmp}/none does not exist"),
        (["train", SAMPLES], 1, "expected images of two classes"),
        (["train", SAMPLES, "--architecture", "vgg"], 2, "'vgg' is not one of 'dense',"),
        (["train", SAMPLES, "--imbalance", "smote"], 2, "'none', 'balanced',"),
        (["train", SAMPLES, "--channels", "2"], 2, "expected 1 or 3"),
        (["train", IMAGE], 1, "CSV manifest"),
        (["train", SAMPLES, "--name", " "], 2, "expected a name"),
        (["train", SAMPLES, "--head-epochs", "1"], 2, "expected a pretrained network"),
        (["train", SAMPLES, "--show-samples", "--resume"], 2, "expected without --resume"),
        (["audit", "{tmp}/none"], 2, "DATA: {tmp}/none does not exist"),
        (["audit", SAMPLES], 1, "expected images of two classes"),
        (["evaluate", "{tmp}/none"], 2, "DATA: {tmp}/none does not exist"),
        (["evaluate", SAMPLES], 1, "expected folders NORMAL and PNEUMONIA"),
        (["evaluate", SAMPLES, "--styles", "{tmp}/none"], 2, "--styles: {tmp}/none does not exist"),
        (["calibrate", "{tmp}/none"], 2, "MODEL: {tmp}/none does not exist"),
        (["calibrate", "default"], 2, "Missing option '--labels'"),
        (["calibrate", "default", "--labels", "{tmp}/none"], 2, "--labels: {tmp}/none does not"),
        (["calibrate", "default", "--labels", SAMPLES], 1, "expected folders NORMAL and PNEUMONIA"),
        (["compare", "{tmp}"], 1, "finished run"),
        (["compare", "{tmp}", "{tmp}/none"], 2, "RUN: {tmp}/none does not exist"),
        (["relabel", "{tmp}/none.csv"], 2, "REPORT: {tmp}/none.csv does not exist"),
        (["export", "default", "-o", "{tmp}/p"], 2, "file, got the model package default; give"),
        (["explain", "{tmp}/none.keras", IMAGE], 2, "does not exist"),
        (["export", "{tmp}/none.keras", "-o", "{tmp}/p", *FLOAT], 2, "does not exist"),
        (["export", IMAGE, "-o", "{tmp}/p", "--formats", "onnx-int8"], 2, "--calibration"),
        (["export", IMAGE, "-o", "{tmp}/p", "--formats", "pdf"], 2, "expected some of onnx"),
        (["verify", "default"], 2, "--data"),
        (["export", IMAGE, "-o", "{tmp}/p", *FLOAT], 1, "Keras 3 model"),
        (["verify", SAMPLES, "--data", SAMPLES], 1, "model package"),
        (["verify", "default", "--data", "{tmp}/none"], 2, "--data: {tmp}/none does not exist"),
        (["verify", "{tmp}/none"], 2, "PACKAGE: {tmp}/none does not exist"),
        (["export", "{tmp}/none"], 2, "MODEL: {tmp}/none does not exist"),
        (["explain", "{tmp}/none"], 2, "MODEL: {tmp}/none does not exist"),
        (["evaluate", "--model", "{tmp}/none"], 2, "--model: {tmp}/none does not exist"),
        (["benchmark", "--model", "{tmp}/none"], 2, "--model: {tmp}/none does not exist"),
    ],
)
def test_wrong_use_has_its_code_and_message(
    cxr: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[object],
    code: int,
    message: str,
) -> None:
    """One line that says what is wrong, no traceback, nothing left behind."""
    monkeypatch.chdir(tmp_path)
    result = cxr(*(str(word).format(tmp=tmp_path) for word in words))
    assert result.exit_code == code
    assert message.format(tmp=tmp_path) in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())


def test_a_runtime_that_is_not_installed_is_named(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The self-test tells of the one that was asked for, whatever else is there."""
    monkeypatch.setattr("cxr_edge.models.self_test_runs.installed", "onnx".__eq__)
    result = cxr("verify", "default", "--self-test", "--runtime", "openvino")
    assert result.exit_code == 1
    assert "--runtime openvino: openvino is not installed; pip install" in result.output


def test_a_package_without_its_keras_model_is_told(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both commands that need it say where it is, before TensorFlow is loaded."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "spec.json").write_bytes((default_package() / "spec.json").read_bytes())
    monkeypatch.setitem(sys.modules, "keras", None)
    for words in (
        ("verify", tmp_path / "p", "--data", SAMPLES),
        ("explain", tmp_path / "p", IMAGE),
    ):
        output = " ".join(cxr(*words).output.split())
        assert "the repository has it in toolkit/cxr_edge/models/default" in output


def test_an_empty_folder_is_told_by_convert_too(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """As by a scan."""
    (tmp_path / "empty").mkdir()
    result = cxr("convert", tmp_path / "empty", tmp_path / "out")
    assert result.exit_code == 0
    assert "no images found" in result.output


def test_an_unreadable_file_is_a_failed_row(
    cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No read permission costs one row, not the run."""
    refused = tmp_path / "refused.png"
    refused.write_bytes(IMAGE.read_bytes())
    real = os.open

    def refuse(path: str | Path, flags: int, *mode: int) -> int:
        if Path(path) == refused:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *mode)

    monkeypatch.setattr("cxr_edge.storage.atomic.os.open", refuse)
    assert cxr("scan", tmp_path, "--out", tmp_path / "r.csv").exit_code == 3
    assert (
        "unreadable,the file cannot be read: Permission denied" in (tmp_path / "r.csv").read_text()
    )


@pytest.mark.parametrize(
    ("words", "blocked", "extra"),
    [
        (["train", SAMPLES], "keras", "train"),
        (["export", IMAGE, "-o", "p"], "tensorflow", "export"),
        (["verify", default_package(), "--data", SAMPLES], "keras", "export"),
        (["scan", IMAGE, "--runtime", "litert"], "ai_edge_litert", "litert"),
        (["scan", IMAGE, "--runtime", "openvino"], "openvino", "openvino"),
        (["evaluate", SAMPLES], "sklearn", "evaluate"),
        (["calibrate", "default", "--labels", SAMPLES], "sklearn", "evaluate"),
        (["compare", SAMPLES], "matplotlib", "evaluate"),
        (["explain", "default", IMAGE], "tensorflow", "train"),
    ],
)
def test_a_missing_extra_is_named(
    tmp_path: Path, words: list[object], blocked: str, extra: str
) -> None:
    """Without the heavy libraries a command says what to install, with exit code 1."""
    script = (
        f"import sys; sys.modules[{blocked!r}] = None\n"
        "from cxr_edge.cli.app import app\n"
        f"app({[str(word) for word in words]!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1, done.stderr
    assert install_command(extra) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "nope"],
        ["evaluate", SAMPLES, "--styles", "nope"],
        ["calibrate", "default", "--labels", "nope"],
        ["compare", "nope"],
        ["train", "nope"],
        ["verify", "default", "--data", "nope"],
        ["verify", "default", "--data", SAMPLES, "--spec", "nope"],
        ["export", SAMPLES, "-o", "p", "--calibration", "nope"],
        ["export", SAMPLES, "-o", "p", "--notes", "nope"],
    ],
)
def test_a_wrong_path_is_told_before_a_missing_extra(tmp_path: Path, words: list[object]) -> None:
    """Who misspells a path need not install anything to learn that."""
    script = (
        "import sys\n"
        "for name in ('keras', 'tensorflow', 'sklearn', 'matplotlib'): sys.modules[name] = None\n"
        "from cxr_edge.cli.app import app\n"
        f"app({[str(word) for word in words]!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "nope does not exist; check the spelling" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("runtime", runtimes())
def test_a_pipe_sees_neither_progress_bar_nor_chatter(tmp_path: Path, runtime: str) -> None:
    """Standard error stays empty where it is no terminal, whatever a runtime likes to note."""
    words = ("scan", IMAGE, "--runtime", runtime, "--out", tmp_path / "r.csv")
    done = python("-m", "cxr_edge", *words)
    assert done.stderr == ""


@pytest.mark.slow
def test_a_scan_leaves_nothing_but_its_own(tmp_path: Path) -> None:
    """No library writes into the user's folders, or gathers what it could send."""
    words = ["scan", str(IMAGE), "--out", str(tmp_path / "r.csv"), "-q", "--runtime", "onnx"]
    script = f"from cxr_edge.cli.app import app; app({words})"
    home = tmp_path / "home"
    home.mkdir()
    variables = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    subprocess.run([sys.executable, "-c", script], env={**os.environ, **variables}, check=True)
    left = {path.relative_to(home).parts[:2] for path in home.rglob("*") if path.is_file()}
    assert left == {(".cache", "cxr-edge")}


def test_the_installed_command_is_the_one_that_is_tested() -> None:
    """The entry point that the distribution declares exists, and is that of ``python -m``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["cxr"].partition(":")
    assert getattr(importlib.import_module(module), function) is entry.main
