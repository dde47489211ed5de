"""A small bundle with small wheels, made without a network."""

import base64
import hashlib
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path

import pytest

import cxr_edge
from cxr_edge.models.bundle.signature import new_keys
from cxr_export.packaging.bundle.make import Made, make_bundle
from cxr_export.packaging.bundle.own_wheel import pack_installed
from cxr_export.packaging.bundle.platforms import Platform
from cxr_export.packaging.bundle.request import BundleRequest

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
HERE = Platform(platform.machine(), PYTHON)
OTHER = Platform("aarch64" if HERE.machine == "x86_64" else "x86_64", PYTHON)

MAIN = """
import pathlib, sys
command, *words = sys.argv[1:]
if command == "scan":
    sys.exit()
model = words[0]
if "bad model" in (pathlib.Path(model) / "spec.json").read_text():
    sys.exit("model.onnx: FAILED")
print("self-test of", sys.prefix)
"""
"""Stand-in for ``cxr verify PACKAGE --self-test``."""

PARTS = ("", "models/", "models/bundle/", "spec/", "system/")
EXTRAS = ("litert", "bundle", "watch", "pacs")
REQUIRES = (
    "numpy>=2", "onnxruntime>=1", "ai-edge-litert; extra == 'litert'",
    "cryptography; extra == 'bundle'", "never; extra == 'bundle'", "notices; extra == 'watch'",
    "network; extra == 'pacs'",
)  # fmt: skip


def write_wheel(
    folder: Path,
    name: str,
    version: str = "2.0",
    files: Mapping[str, bytes] | None = None,
    requires: Iterable[str] = (),
    tag: str = "py3-none-any",
    more: str = "License-Expression: MIT\n",
) -> Path:
    """Write a wheel of a module with these files, and return its path."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    extras = "".join(
        f"Provides-Extra: {extra}\n" for extra in ("litert", "bundle", "watch", "pacs")
    )
    members = dict(files or {f"{name.replace('-', '_')}.py": b"A = 1\n"})
    members[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{extras}{needs}{more}".encode()
    )
    members[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    )
    rows = [f"{member},sha256={_digest(data)},{len(data)}\n" for member, data in members.items()]
    members[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member), data)
    return path


def own_wheel(folder: Path) -> Path:
    """Write a wheel of this toolkit that has its installer and no more."""
    source = Path(cxr_edge.__file__).parent
    files = {
        f"cxr_edge/{part}{path.name}": path.read_bytes()
        for part in PARTS
        for path in sorted((source / part).glob("*.py"))
    }
    files["cxr_edge/__main__.py"] = MAIN.encode()
    return write_wheel(folder, "cxr-edge", "0.1", files, REQUIRES)


def write_index(folder: Path) -> None:
    """Write the wheels that pip finds in place of an index."""
    for name in ("pip", "cryptography", "cffi", "pycparser"):
        pack_installed(distribution(name), folder)
    markers = {"x86_64": "only-x86", "aarch64": "only-arm"}
    needs = [f"{name}; platform_machine == '{machine}'" for machine, name in markers.items()]
    for machine in markers:
        tag = f"cp{PYTHON.replace('.', '')}-abi3-manylinux_2_27_{machine}"
        write_wheel(folder, "onnxruntime", requires=needs, tag=tag)
        if machine == OTHER.machine:  # a stand-in for what is installed here as it is
            version = distribution("cryptography").version
            write_wheel(folder, "cryptography", version, tag=tag)
    write_wheel(folder, "numpy", more="License: BSD\nClassifier: License :: OSI Approved :: X\n")
    write_wheel(folder, "ai-edge-litert", more="Classifier: License :: OSI Approved :: Apache\n")
    for name in ("notices", "network", *markers.values()):
        write_wheel(folder, name)


def use_index(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let pip find the wheels of a folder, and nothing else."""
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(folder))
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_CONSTRAINT", "PIP_EXTRA_INDEX_URL"):
        patch.delenv(name, raising=False)


def make_tiny(
    package: Path,
    out: Path,
    target: Platform = HERE,
    runtimes: tuple[str, ...] = ("onnx",),
    key: Path | None = None,
    *,
    pacs: bool = False,
) -> Made:
    """Make a bundle of a package from the wheels of the index."""
    versions = out.parent / "versions.txt"
    versions.write_text("")
    request = BundleRequest(package, target, runtimes, pacs, constraints=versions, key=key)
    return make_bundle(request, out, own_wheel)


def write_keys(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a private and a public key, and return their paths."""
    private, public = folder / name, folder / f"{name}.pub"
    for path, data in zip((private, public), new_keys(), strict=True):
        path.write_bytes(data)
    return private, public


def run_installer(bundle: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    """Run ``install.sh`` by this Python, and where pip would find nothing."""
    return subprocess.run(
        ["/bin/sh", str(bundle / "install.sh"), *map(str, words)],
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable},
        umask=0o077, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
