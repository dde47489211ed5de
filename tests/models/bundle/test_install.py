"""The installer: all checks first, then everything or nothing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_bundle import HERE, OTHER, run_installer, write_keys

from cxr_edge.errors import BundleError, ExitCode, UsageError
from cxr_edge.models.bundle import install as installer
from cxr_edge.models.bundle.check import sums_of
from cxr_edge.models.bundle.install import install, main
from cxr_edge.models.bundle.layout import FACTS, SIGNATURE, SUMS, WHEELS
from cxr_edge.models.bundle.target import Target

pytestmark = pytest.mark.slow

FACTS_HERE = Target(HERE.python, HERE.machine, "2.17", 0)


def list_anew(bundle: Path) -> None:
    """Make an unsigned bundle of files that were changed."""
    (bundle / SIGNATURE).unlink(missing_ok=True)
    (bundle / SUMS).write_bytes(sums_of(bundle))


def test_it_installs_and_tests_the_model(signed: Any, tmp_path: Path) -> None:
    """A virtual environment without pip, the model, the unit with its folder; by Python alone."""
    place = tmp_path / "new" / "cxr edge"
    done = run_installer(signed.bundle, "--to", place, "--key", signed.key)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert f"self-test of {place}/venv" in done.stdout
    packages = next(place.glob("venv/lib/python*/site-packages"))
    names = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    assert {"cxr_edge", "numpy", "onnxruntime", "cryptography"} <= names
    assert names.isdisjoint({"pip", "ai_edge_litert", "never"})
    assert (place / "model" / "model.onnx").stat().st_mode & 0o777 == 0o644
    unit = (place / "cxr-edge-watch.service").read_text()
    assert f'ExecStart="{place}/venv/bin/cxr" watch ' in unit
    assert " --then move " in unit  # else the inbox grows for ever
    assert "@" not in unit.replace("@system-service", "").replace("~@privileged", "")
    assert not [path for path in place.iterdir() if path.name.startswith(".half")]


@pytest.mark.parametrize("name", ["cxr_edge", "numpy", "cryptography"])
def test_a_changed_wheel_is_refused_and_nothing_is_left(
    signed: Any, tmp_path: Path, name: str
) -> None:
    """The wheel that the installer itself runs from is no exception."""
    (wheel,) = (signed.bundle / WHEELS).glob(f"{name}-*.whl")
    data = bytearray(wheel.read_bytes())
    data[5000 if name == "cxr_edge" else 60] ^= 0xFF
    wheel.write_bytes(data)
    done = run_installer(signed.bundle, "--to", tmp_path / "new", "--key", signed.key)
    assert done.returncode == ExitCode.ERROR
    assert wheel.name in done.stderr
    assert "was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_an_added_file_another_key_and_no_key_are_refused(signed: Any, tmp_path: Path) -> None:
    """As by cxr verify, with its exit codes."""
    _, other = write_keys(tmp_path, "other")
    for words, code, told in (
        (("--key", other), ExitCode.ERROR, "signed by another key"),
        (("--unsigned",), ExitCode.ERROR, "check it with --key PUBKEY"),
        ((), ExitCode.USAGE, "got neither"),
    ):
        done = run_installer(signed.bundle, "--to", tmp_path / "new", *words)
        assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    (signed.bundle / "autorun.inf").write_text("x")
    done = run_installer(signed.bundle, "--to", tmp_path / "new", "--key", signed.key)
    assert "autorun.inf was added" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_failed_self_test_leaves_nothing(signed: Any, tmp_path: Path) -> None:
    """The exit code is that of a gate; a folder that was there stays, empty."""
    (signed.bundle / "model" / "spec.json").write_text("bad model")
    list_anew(signed.bundle)
    place = tmp_path / "there"
    place.mkdir()
    done = run_installer(signed.bundle, "--to", place, "--unsigned")
    assert done.returncode == ExitCode.GATE_FAILED, done.stderr
    assert "nothing was installed" in done.stderr
    assert list(place.iterdir()) == []


def test_the_wrong_python_is_told_by_the_script(signed: Any, tmp_path: Path) -> None:
    """With what it expected, what it got, and what to do; by a Python that can do no more."""
    script = signed.bundle / "install.sh"
    text = script.read_text()
    major, minor = HERE.python.split(".")
    wrong = text.replace(f"({major}, {minor})", "(3, 99)").replace(HERE.python, "3.99")
    script.write_text(wrong)
    done = run_installer(signed.bundle, "--to", tmp_path / "new", "--unsigned")
    assert done.returncode == ExitCode.ERROR
    assert done.stderr.startswith(f"error: expected Python 3.99, got {HERE.python}; ")


def test_no_python_is_told_by_the_script(signed: Any, tmp_path: Path) -> None:
    """A machine without any is where it may be tried first."""
    path = {"PATH": str(tmp_path)}
    for name in ("sh", "dirname"):
        (tmp_path / name).symlink_to(os.path.realpath(shutil.which(name) or ""))
    for more, found in (({}, "none; "), ({"PYTHON": "/no/python"}, "none at /no/python; ")):
        done = subprocess.run(
            [tmp_path / "sh", signed.bundle / "install.sh"], env=path | more,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (ExitCode.ERROR, "")
        assert done.stderr.startswith(f"error: expected Python {HERE.python}, found {found}")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"python": "3.99"}, "expected Python 3.99, got cpython"),
        ({"machine": OTHER.machine}, f"expected a Linux machine with {OTHER.machine}"),
        ({"glibc": "2.999"}, "expected the C library glibc 2.999 or newer, got glibc"),
    ],
)
def test_another_machine_is_told(change: dict[str, str], told: str) -> None:
    """Before anything is installed, with what to do."""
    FACTS_HERE.require_this_machine()
    facts = Target(**{**vars(FACTS_HERE), **change})
    with pytest.raises(BundleError, match=told):
        facts.require_this_machine()


def test_a_machine_with_another_c_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alpine has musl, of which the system says nothing."""
    monkeypatch.setattr(os, "confstr", lambda _: None)
    with pytest.raises(BundleError, match="got another"):
        FACTS_HERE.require_this_machine()


def test_folders_that_cannot_be_installed_to(signed: Any, tmp_path: Path) -> None:
    """One in use, one inside the bundle, one that is too small."""
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine").write_text("precious")
    for place in (used, used / "mine", used / "mine" / "new", signed.bundle / "new"):
        with pytest.raises(UsageError, match="--to: "):
            install(signed.bundle, place, signed.key, unsigned=False)
    assert (used / "mine").read_text() == "precious"
    facts = signed.bundle / FACTS
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "installed_bytes": 1 << 60}))
    list_anew(signed.bundle)
    with pytest.raises(UsageError, match="MiB of free space"):
        install(signed.bundle, tmp_path / "new", None, unsigned=True)
    assert not (tmp_path / "new").exists()


def test_a_bundle_of_a_newer_version_is_told(signed: Any, tmp_path: Path) -> None:
    """What a later version writes is not guessed at."""
    facts = signed.bundle / FACTS
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "bundle_version": 99}))
    list_anew(signed.bundle)
    with pytest.raises(BundleError, match="expected bundle_version 1, got 99"):
        install(signed.bundle, tmp_path / "new", None, unsigned=True)
    facts.write_text("[]")
    list_anew(signed.bundle)
    with pytest.raises(BundleError, match="expected the facts of a bundle"):
        install(signed.bundle, tmp_path / "new", None, unsigned=True)


def test_ctrl_c_leaves_nothing(
    signed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is that of every interrupted command."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(installer, "_make_environment", interrupt)
    place = tmp_path / "new"
    code = main([str(signed.bundle), "--to", str(place), "--key", str(signed.key)])
    assert (code, place.exists()) == (ExitCode.INTERRUPTED, False)
    assert capsys.readouterr().err == "interrupted; nothing was installed\n"


def test_a_bundle_without_wheels_of_signatures_is_told(
    signed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its library cannot be loaded, the message says what may be wrong."""
    monkeypatch.setitem(sys.modules, "cxr_edge.models.bundle.signature", None)
    with pytest.raises(BundleError, match="library of signatures cannot be loaded here"):
        install(signed.bundle, tmp_path / "new", signed.key, unsigned=False)


@pytest.mark.parametrize("name", ["a:b", 'a"b', "a$b", "a\\b", "a\nb", "a`b", "\udcff"])
def test_a_name_that_would_be_misread_is_refused(signed: Any, tmp_path: Path, name: str) -> None:
    """By Python, by a shell or by systemd; before anything is made."""
    with pytest.raises(UsageError, match="--to: expected a folder without"):
        install(signed.bundle, tmp_path / name, signed.key, unsigned=False)
    assert not (tmp_path / name).exists()


def test_a_loop_of_links_is_refused(signed: Any, tmp_path: Path) -> None:
    """With a message."""
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    with pytest.raises(UsageError, match="cannot be made"):
        install(signed.bundle, loop / "new", signed.key, unsigned=False)


def test_what_failed_leaves_nothing_behind_a_link(
    signed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that it leads to is as empty as it was, and the link stays."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)

    def fail(_bundle: Path, place: Path) -> None:
        place.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(installer, "_make_environment", fail)
    with pytest.raises(KeyboardInterrupt):
        install(signed.bundle, link, signed.key, unsigned=False)
    assert link.is_symlink()
    assert not list(real.iterdir())
