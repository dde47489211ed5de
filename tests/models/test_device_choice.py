"""What was chosen for this machine: kept, followed, and told where it cannot be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES

from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.device_choice import DeviceChoice, choice_for, write_choice
from cxr_edge.models.locate import default_package


@pytest.fixture(autouse=True)
def config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nobody has chosen yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "site"))
    return tmp_path / "config" / "cxr-edge"


def int8(package: Path, runtime: str = "onnx", **changes: Any) -> DeviceChoice:
    """Return the choice of a package's int8 artefact."""
    name = "model.int8.onnx"
    values = {
        "artefact": name,
        "sha256": read_checksums(package)[name],
        "threads": 2,
        "why": "fast",
    }
    return DeviceChoice(**{"runtime": runtime, **values, **changes})


def test_a_scan_follows_the_choice(tmp_path: Path) -> None:
    """Artefact, runtime and threads, with the reason; what is asked for by name goes before."""
    choice = int8(default_package())
    assert write_choice(default_package(), choice) == tmp_path / "config/cxr-edge/device.json"
    job = ScanJob.open(
        ScanConfig(self_test=False), [SAMPLES / "phantom-normal.jpg"], tmp_path / "r.csv"
    )
    assert (job.session.model.sha256, job.session.config.threads) == (choice.sha256, 2)
    assert job.session.model.why == "fast"
    exact = Session.open(ScanConfig(runtime="onnx", self_test=False), chosen=True)
    assert exact.model.artefact == "model.onnx"
    assert Session.open(ScanConfig(self_test=False)).model.artefact != "model.int8.onnx"


def test_a_report_is_continued_with_its_own_model(tmp_path: Path) -> None:
    """A choice that was made in between changes nothing in it."""
    paths, out = [SAMPLES / "phantom-normal.jpg"], tmp_path / "r.csv"
    run_scan(ScanJob.open(ScanConfig(self_test=False), paths, out))
    write_choice(default_package(), int8(default_package()))
    job = ScanJob.open(ScanConfig(self_test=False), paths, out, add_new=True)
    assert job.session.model.artefact != "model.int8.onnx"


def test_choices_for_other_models_are_kept(golden_package: Path) -> None:
    """One file has those of all packages, each once."""
    listed = read_checksums(golden_package)
    other = DeviceChoice("model.tflite", listed["model.tflite"], "litert", 1, "other")
    write_choice(golden_package, other)
    write_choice(default_package(), int8(default_package()))
    write_choice(default_package(), int8(default_package(), threads=1))
    assert choice_for(golden_package) == (other, "")
    assert choice_for(default_package())[0] == int8(default_package(), threads=1)


def test_the_machine_has_one_for_all_users(config_folder: Path, tmp_path: Path) -> None:
    """A service, which has no home folder, follows the file of the machine."""
    write_choice(default_package(), int8(default_package()))
    (tmp_path / "site").mkdir()
    shutil.move(config_folder, tmp_path / "site")
    assert choice_for(default_package())[0] == int8(default_package())


def edited(change: Callable[[dict[str, Any]], None], folder: Path) -> str:
    """Change the file of the choices, and return the warning of what cannot be followed."""
    path = write_choice(default_package(), int8(default_package()))
    assert path.parent == folder
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    choice, warning = choice_for(default_package())
    assert choice is None
    return warning


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (
            lambda data: data["choices"][0]["key"].update(numpy="numpy 1.0"),
            "with numpy 1.0, here is numpy",
        ),
        (lambda data: data["choices"][0]["key"].update(cpu="other"), "on another CPU"),
        (lambda data: data["choices"][0].update(artefact="../evil.onnx"), "is none that"),
        (lambda data: data["choices"][0].update(runtime="litert"), "is none that"),
        (lambda data: data["choices"][0].update(threads=10**6), "is none that"),
        (lambda data: data["choices"][0].update(sha256=None), "is none that"),
        (lambda data: data["choices"][0].update(why="\x1b[31m"), "is none that"),
        (lambda data: data.update(device_version=2), "cannot be read"),
        (lambda data: data.update(choices=[3]), "cannot be read"),
        (lambda data: data["choices"][0].update(key=3), "cannot be read"),
    ],
)
def test_another_machine_or_file_is_told(
    config_folder: Path, change: Callable[[dict[str, Any]], None], warning: str
) -> None:
    """A choice is followed only where it was measured, by the files that it was measured with."""
    told = edited(change, config_folder)
    assert warning in told
    assert "not followed" in told
    session = Session.open(ScanConfig(self_test=False), chosen=True)
    assert session.warnings[0] == told


def test_an_artefact_that_is_gone_is_told(golden_package: Path, tmp_path: Path) -> None:
    """And so is a package that lacks it."""
    package = tmp_path / "package"
    shutil.copytree(golden_package, package)
    digest = read_checksums(package)["model.tflite"]
    write_choice(package, DeviceChoice("model.tflite", digest, "litert", 1, "fast"))
    (package / "model.tflite").unlink()
    assert "model.tflite was chosen, and is not in" in choice_for(package)[1]


@pytest.mark.parametrize("name", ["artefact", "sha256", "runtime", "threads", "why"])
@pytest.mark.parametrize("value", [[], {}, ["a"], None, 2.0, True, "a\x1b[31m", "a" * 10_000])
def test_a_choice_with_a_value_of_another_kind_is_not_followed(name: str, value: Any) -> None:
    """Whatever the file has, there is a warning and no failure."""
    path = write_choice(default_package(), int8(default_package()))
    data = json.loads(path.read_text())
    data["choices"][0][name] = value
    path.write_text(json.dumps(data))
    choice, warning = choice_for(default_package())
    assert choice is None
    assert "is not followed" in warning


def test_a_warning_shows_no_control_characters() -> None:
    """The file's own words reach a terminal as what they are."""
    path = write_choice(default_package(), int8(default_package()))
    data = json.loads(path.read_text())
    data["choices"][0]["key"]["machine"] = "\x1b[31m\n" + "y" * 10_000
    path.write_text(json.dumps(data))
    _, warning = choice_for(default_package())
    assert warning.isprintable()
    assert len(warning) < 1000
