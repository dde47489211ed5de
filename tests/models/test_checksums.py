"""The checksum list of a package."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.checksums import (
    check_checksums,
    check_listed,
    file_sha256,
    read_checksums,
    write_checksums,
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name in ("model.onnx", "spec.json"):
        (tmp_path / name).write_text(name)
    write_checksums(tmp_path)
    return tmp_path


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
def test_the_list_is_as_sha256sum_reads_it(package: Path) -> None:
    """Anyone can check a package without this software."""
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=True)
    assert done.stdout == "model.onnx: OK\nspec.json: OK\n"


def test_digests_are_those_of_the_bytes(package: Path) -> None:
    """A file is hashed as a stream, with the digest that all its bytes have."""
    assert file_sha256(package / "spec.json") == hashlib.sha256(b"spec.json").hexdigest()
    assert read_checksums(package)["spec.json"] == file_sha256(package / "spec.json")
    check_checksums(package)
    check_listed(package, "spec.json", file_sha256(package / "spec.json"))


def test_every_fault_is_named_at_once(package: Path) -> None:
    """Files changed, missing and not listed, in one message."""
    (package / "model.onnx").write_text("changed")
    (package / "spec.json").unlink()
    (package / "model.tflite").touch()
    with pytest.raises(ModelInvalid) as caught:
        check_checksums(package)
    assert "model.tflite is not listed, model.onnx was changed, spec.json is missing" in str(
        caught.value
    )


def test_a_file_that_another_stands_in_for_may_be_missing(package: Path) -> None:
    """The installed default model comes without its original."""
    (package / "spec.json").unlink()
    check_checksums(package, elsewhere="spec.json")


@pytest.mark.parametrize(
    "line", ["0" * 64 + "  ../model.onnx", "0" * 64 + "  /etc/passwd", "0" * 63 + "  a", "0" * 64]
)
def test_a_list_that_leads_elsewhere_is_none(package: Path, line: str) -> None:
    """Names are those of files beside the list."""
    (package / "SHA256SUMS").write_text(f"{line}\n")
    with pytest.raises(ModelInvalid, match="expected a model package"):
        read_checksums(package)
