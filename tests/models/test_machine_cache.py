"""Findings that a machine remembers of a package, and what makes it forget."""

import json
import os
import shutil
from pathlib import Path

import pytest

from cxr_edge.errors import ModelInvalid
from cxr_edge.models import machine_cache as module
from cxr_edge.models.machine_cache import machine_cache
from cxr_edge.system.versions import LIBRARIES


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "SHA256SUMS").write_text("00  model.onnx\n")
    return folder


def test_a_finding_comes_back(forgetful: Path, package: Path) -> None:
    """An answer that was put is there for the next process; other questions have none."""
    machine_cache(package).put("times", {"onnx": 1.5})
    machine_cache(package).put("self-test", "passed")
    assert machine_cache(package).get("times") == {"onnx": 1.5}
    assert machine_cache(package).get("self-test") == "passed"
    assert machine_cache(package).get("other") is None
    assert len(list(forgetful.iterdir())) == 1


def test_a_finding_can_be_forgotten(forgetful: Path, package: Path) -> None:
    """None takes an answer away and leaves the others."""
    machine_cache(package).put("a", 1)
    machine_cache(package).put("b", 2)
    machine_cache(package).put("a", None)
    machine_cache(package).put("never there", None)
    assert machine_cache(package).get("a") is None
    assert machine_cache(package).get("b") == 2
    assert forgetful.is_dir()


@pytest.mark.usefixtures("forgetful")
def test_another_package_has_findings_of_its_own(package: Path, tmp_path: Path) -> None:
    """One changed digest in the list is another package; a copy elsewhere is the same one."""
    machine_cache(package).put("self-test", "passed")
    copy = Path(shutil.copytree(package, tmp_path / "copy"))
    assert machine_cache(copy).get("self-test") == "passed"
    (copy / "SHA256SUMS").write_text("01  model.onnx\n")
    assert machine_cache(copy).get("self-test") is None


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(
    "change", ["cxr_edge", *LIBRARIES, "node", "machine", "cpu", "usable_cpus"]
)
def test_another_library_or_machine_has_findings_of_its_own(
    package: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Whatever can change a probability or a time makes what was found before void."""
    machine_cache(package).put("self-test", "passed")
    now = module._circumstances()
    assert change in now
    monkeypatch.setattr(module, "_circumstances", lambda: {**now, change: "another"})
    assert machine_cache(package).get("self-test") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"record_version": 1', '"record_version": 2'),
        lambda text: text.replace('"node": "', '"node": "other '),
        lambda text: json.dumps([text]),
        lambda text: "",
    ],
    ids=["half", "version", "key", "list", "empty"],
)
def test_a_damaged_record_is_no_record(forgetful: Path, package: Path, damage: object) -> None:
    """Half a file, one of another version or one renamed to this name answers nothing."""
    assert callable(damage)
    machine_cache(package).put("self-test", "passed")
    (record,) = forgetful.iterdir()
    record.write_text(damage(record.read_text()))
    assert machine_cache(package).get("self-test") is None
    machine_cache(package).put("self-test", "passed")
    assert machine_cache(package).get("self-test") == "passed"


def test_a_cache_that_cannot_be_written_is_no_error(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only system keeps nothing, and an unknown home folder makes no folder called ~."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    machine_cache(package).put("self-test", "passed")
    assert machine_cache(package).get("self-test") is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: Path("~/.cache"))
    machine_cache(package).put("self-test", "passed")
    assert not (tmp_path / "~").exists()


@pytest.mark.timeout(20)
def test_a_pipe_is_no_checksum_list(tmp_path: Path) -> None:
    """Nobody waits for what may never come, nor reads what has no end."""
    os.mkfifo(tmp_path / "SHA256SUMS")
    with pytest.raises(ModelInvalid, match="SHA256SUMS"):
        machine_cache(tmp_path)
    (tmp_path / "SHA256SUMS").unlink()
    (tmp_path / "SHA256SUMS").write_bytes(bytes(2 << 20))
    with pytest.raises(ModelInvalid, match="SHA256SUMS"):
        machine_cache(tmp_path)


def test_no_package_is_told(tmp_path: Path) -> None:
    """Without a checksum list there is nothing to remember findings of."""
    with pytest.raises(ModelInvalid, match="SHA256SUMS"):
        machine_cache(tmp_path)
