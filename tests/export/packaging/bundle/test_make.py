"""Making a bundle: what is inside, that it is whole, and that the same makes the same bytes."""

import filecmp
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_bundle
from tiny_bundle import HERE, OTHER, PYTHON, make_tiny, use_index, write_index, write_keys

from cxr_edge.errors import BundleError, ExitCode, ModelInvalid, UsageError
from cxr_edge.models.bundle.archive import check_any_bundle
from cxr_edge.models.bundle.check import check_bundle, files_of, sums_of
from cxr_edge.models.checksums import check_checksums, file_sha256
from cxr_export.packaging.bundle import make
from cxr_export.packaging.bundle.platforms import find_platform
from cxr_export.packaging.bundle.wheels import Wheel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def wheel_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small wheels in place of an index of packages."""
    folder = tmp_path_factory.mktemp("wheel-index")
    write_index(folder)
    return folder


@pytest.fixture
def index(wheel_index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, and pip finds nothing else."""
    use_index(monkeypatch, wheel_index)
    return wheel_index


@pytest.mark.usefixtures("index")
def test_the_same_gives_the_same_bytes(golden_package: Path, tmp_path: Path) -> None:
    """Folder and zip, signature too."""
    private, _ = write_keys(tmp_path, "site")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_tiny(golden_package, tmp_path / name / "bundle", key=private)
        make_tiny(golden_package, tmp_path / name / "bundle.zip", key=private)
    a, b = tmp_path / "a", tmp_path / "b"
    assert files_of(a) == files_of(b)
    for name in files_of(a):
        assert filecmp.cmp(a / name, b / name, shallow=False), name


@pytest.mark.usefixtures("index")
def test_requirements_are_those_of_the_other_machine(golden_package: Path, tmp_path: Path) -> None:
    """Markers are judged for it, runtimes that were not asked for are left out, hashes pinned."""
    names = {"aarch64": "only-arm", "x86_64": "only-x86"}
    for target, other in ((HERE, OTHER), (OTHER, HERE)):
        out = tmp_path / target.machine
        made = make_tiny(golden_package, out, target)
        assert {"numpy", "onnxruntime", "cryptography", "notices", names[target.machine]} <= {
            *made.content.wheels
        }
        lines = (out / "requirements.txt").read_text().splitlines()
        files = {wheel.name: wheel for wheel in map(Wheel, (out / "wheels").iterdir())}
        pinned = dict(line.split(" --hash=sha256:") for line in lines)
        assert pinned == {
            f"{name}=={wheel.version}": file_sha256(wheel.path)
            for name, wheel in files.items()
            if name != "pip"
        }
        assert {names[other.machine], "ai-edge-litert", "never"}.isdisjoint(files)
        assert "pip" in files
        facts = json.loads((out / "bundle.json").read_text())
        assert (facts["machine"], facts["python"]) == (target.machine, PYTHON)
        assert facts["glibc"].startswith("2.")


@pytest.mark.usefixtures("index")
def test_only_artefacts_of_the_runtimes_are_taken(golden_package: Path, tmp_path: Path) -> None:
    """They are a package of their own, whose checksums fit; LiteRT alone brings no onnxruntime."""
    made = make_tiny(golden_package, tmp_path / "bundle", runtimes=("litert",))
    assert made.content.artefacts == ("model.tflite",)
    model = tmp_path / "bundle" / "model"
    check_checksums(model)
    assert {path.name for path in model.iterdir()} == {
        "model.tflite", "spec.json", "selftest.zip", "SHA256SUMS",
    }  # fmt: skip
    assert {"ai-edge-litert"} <= {*made.content.wheels}
    assert "onnxruntime" not in made.content.wheels
    with pytest.raises(UsageError, match="--runtimes onnx: expected a package with an artefact"):
        make_tiny(model, tmp_path / "b", runtimes=("onnx",))


@pytest.mark.usefixtures("index")
def test_a_receiver_is_there_if_it_is_asked_for(golden_package: Path, tmp_path: Path) -> None:
    """Its wheels and its unit, which takes who may call from a file of the site."""
    make_tiny(golden_package, tmp_path / "plain")
    made = make_tiny(golden_package, tmp_path / "pacs", pacs=True)
    unit = Path("systemd/cxr-edge-receive.service")
    assert not (tmp_path / "plain" / unit).exists()
    assert "receive /var/lib/cxr-edge/inbox $OPTIONS" in (tmp_path / "pacs" / unit).read_text()
    assert "network" in made.content.wheels


@pytest.mark.usefixtures("index")
def test_the_bill_of_materials_lists_everything_inside(
    golden_package: Path, tmp_path: Path
) -> None:
    """Every wheel and every file of the model, with licences and SHA-256, and without a date."""
    make_tiny(golden_package, tmp_path / "bundle")
    bill = json.loads((tmp_path / "bundle" / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], "timestamp" in bill["metadata"]) == ("CycloneDX", False)
    parts = {part["name"]: part for part in bill["components"]}
    wheels = {wheel.name: wheel for wheel in map(Wheel, (tmp_path / "bundle/wheels").iterdir())}
    model = next(part for part in parts.values() if part["type"] == "machine-learning-model")
    assert {*parts} == {*wheels, model["name"]}
    for name, wheel in wheels.items():
        assert parts[name]["version"] == wheel.version
        assert parts[name]["hashes"] == [{"alg": "SHA-256", "content": file_sha256(wheel.path)}]
        assert parts[name]["purl"] == f"pkg:pypi/{name}@{wheel.version}"
        assert parts[name]["licenses"], name
    assert parts["cxr-edge"]["licenses"] == [{"license": {"id": "MIT"}}]
    listed = (tmp_path / "bundle/model/SHA256SUMS").read_text().splitlines()
    digests = {part["name"]: part["hashes"][0]["content"] for part in model["components"]}
    assert listed == [f"{digest}  {name}" for name, digest in sorted(digests.items())]


@pytest.mark.usefixtures("index")
def test_what_fails_leaves_the_old_bundle_alone(
    golden_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle is whole or not there; nothing half-made stays beside it."""
    out = tmp_path / "out" / "bundle"
    out.parent.mkdir()
    make_tiny(golden_package, out)
    before = sums_of(out)

    def fail(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(make, "sums_of", fail)
    with pytest.raises(BundleError, match=r"--out: .*No space left on device"):
        make_tiny(golden_package, out)
    with pytest.raises(BundleError):
        make_tiny(golden_package, out.with_name("new"))
    assert sums_of(out) == before
    assert {path.name for path in out.parent.iterdir()} == {"bundle", "versions.txt"}
    assert "not signed" in check_bundle(out, None, unsigned=True)


@pytest.mark.usefixtures("index")
def test_another_thing_is_never_replaced(golden_package: Path, tmp_path: Path) -> None:
    """A folder of somebody's files is no older bundle."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine.txt").touch()
    for out in (tmp_path / "mine", tmp_path / "mine.txt"):
        with pytest.raises(UsageError, match="expected a new name or an older bundle"):
            make_tiny(golden_package, out)


def test_no_wheel_is_told_with_the_way_out(
    golden_package: Path, tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the distribution, the platform and the version of Python."""
    use_index(monkeypatch, _without_numpy(index, tmp_path))
    with pytest.raises(
        BundleError, match=rf"Python {PYTHON}, got none of numpy>=2; choose another"
    ):
        make_tiny(golden_package, tmp_path / "bundle")


def test_no_network_is_told(
    golden_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Path
) -> None:
    """The message says on which machine a bundle is made."""
    use_index(monkeypatch, _without_numpy(index, tmp_path))
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    with pytest.raises(BundleError, match="no package index can be reached; a bundle is made on"):
        make_tiny(golden_package, tmp_path / "bundle")


@pytest.mark.usefixtures("index")
def test_a_package_that_does_not_check_is_refused(tested: Path, tmp_path: Path) -> None:
    """Before anything is downloaded; one without golden images likewise."""
    (tested / "model.onnx").write_bytes(b"x")
    with pytest.raises(ModelInvalid, match=r"model\.onnx was changed"):
        make_tiny(tested, tmp_path / "bundle")


@pytest.mark.parametrize("name", ["linux-armv7l", "linux_armhf", "linux-armv6l"])
def test_a_32_bit_system_is_told_what_to_do(name: str) -> None:
    """There are no wheels for it, and the same device runs a 64-bit system."""
    with pytest.raises(UsageError, match=r"no wheels of onnxruntime, .*install a 64-bit system"):
        find_platform(name, "3.11")


def test_other_platforms_and_versions_are_told() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="expected linux-aarch64 or linux-x86_64, got windows"):
        find_platform("windows", "3.11")
    for python in ("3.10", "3", "3.11.2", "2.7"):
        with pytest.raises(UsageError, match=r"--python: expected 3\.11 or newer"):
            find_platform("linux-aarch64", python)


@pytest.mark.usefixtures("index")
def test_the_command_makes_a_bundle(
    cxr: Callable[..., Any], golden_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, a signed bundle and its check, each by the command line."""
    monkeypatch.setattr(make.make_bundle, "__defaults__", (tiny_bundle.own_wheel,))
    key, out, versions = tmp_path / "site", tmp_path / "bundle.zip", tmp_path / "versions"
    versions.touch()
    result = cxr("bundle", "keygen", "-o", key)
    assert result.exit_code == ExitCode.DONE, result.output
    assert key.stat().st_mode & 0o777 == 0o600
    words = ["bundle", golden_package, "-o", out, "--sign", key, "--platform", HERE.name]
    result = cxr(*words, "--python", PYTHON, "--constraints", versions)
    assert result.exit_code == ExitCode.DONE, result.output
    assert "signed by key" in result.output
    assert "signed by key" in check_any_bundle(out, key.with_name("site.pub"), unsigned=False)
    for wrong in (["--runtimes", "onnx", "--minimal"], ["--runtimes", "keras"]):
        result = cxr(*words, "--overwrite", *wrong)
        assert result.exit_code == ExitCode.USAGE, result.output
    result = cxr("bundle", golden_package, "-o", tmp_path / "b", "--sign", tmp_path / "site.pub")
    assert result.exit_code == ExitCode.USAGE
    assert "--sign: expected a private Ed25519 key" in result.output


def test_making_a_bundle_needs_no_tensorflow() -> None:
    """The machine that packs is not always the one that trained."""
    script = (
        "import sys, cxr_export.packaging.bundle.make, cxr_export.cli.bundle;"
        "print({'tensorflow', 'keras'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def _without_numpy(index: Path, tmp_path: Path) -> Path:
    fewer = shutil.copytree(index, tmp_path / "fewer")
    next(fewer.glob("numpy-*.whl")).unlink()
    return fewer
