"""What a model package holds: the names of its files, and their checksums."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.bounded import read_at_most
from cxr_edge.errors import ModelInvalid
from cxr_edge.files import write_whole
from cxr_edge.text import printable

ORIGINAL: Final = "model.keras"
"""The Keras model, in a run folder and in a package."""

CHECKSUMS: Final = "SHA256SUMS"
"""The checksum list."""

PARITY: Final = "parity.json"
"""What the last comparison with the Keras model found."""

EVALUATION: Final = "evaluation.json"
"""What ``cxr evaluate`` found, where the package was made with it."""

SELFTEST: Final = "selftest.zip"
"""Golden films, and what they gave where the package was made."""

CARD: Final = "README.md"
"""The model card."""

_MAX_CHECKSUMS: Final = 1 << 20
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^/\\:]+)")


@dataclass(frozen=True)
class Format:
    """One way of storing the network for a runtime."""

    name: str
    """By which ``cxr export --formats`` asks for it."""
    file: str
    """In a package."""
    runtime: str
    """Key of :data:`cxr_edge.model.RUNTIMES`: it is made for and judged by; others may run it."""
    precision: str
    """``fp32``; ``fp16`` (weights); ``int8`` (weights and activations); ``dynamic`` (int8 weights,
    activations quantized while it runs)."""


FORMATS: Final[Mapping[str, Format]] = {
    kind.name: kind
    for kind in (
        Format("onnx", "model.onnx", "onnx", "fp32"),
        Format("tflite", "model.tflite", "litert", "fp32"),
        Format("tflite-fp16", "model.fp16.tflite", "litert", "fp16"),
        Format("onnx-int8", "model.int8.onnx", "onnx", "int8"),
        Format("tflite-int8", "model.int8.tflite", "litert", "int8"),
        Format("tflite-dynamic", "model.dynamic.tflite", "litert", "dynamic"),
    )
}
"""Formats by name, the most exact first."""


def checksum_list(package: Path) -> bytes:
    """Return the bytes of a package's checksum list.

    Raises
    ------
    ModelInvalid
        There is none, or it is no regular file of bounded length.
    """
    try:
        return read_at_most(package / CHECKSUMS, _MAX_CHECKSUMS)
    except OSError as exc:
        raise _no_package(package) from exc


def read_checksums(package: Path) -> dict[str, str]:
    """Return file name to SHA-256 from a package's checksum list.

    Raises
    ------
    ModelInvalid
        There is none, it is malformed, or a name in it is of a file elsewhere.
    """
    try:
        lines = checksum_list(package).decode().splitlines()
        return {name: digest for digest, name in map(_split, lines)}
    except ValueError as exc:
        raise _no_package(package) from exc


def _no_package(package: Path) -> ModelInvalid:
    return ModelInvalid(
        f"{package}: expected a model package with {CHECKSUMS}, came none that can be read; "
        "make one with 'cxr export', or name an .onnx or .tflite file"
    )


def _split(line: str) -> tuple[str, str]:
    """Return digest and name; raises ValueError where they are none."""
    found = _LINE.fullmatch(line)
    if not found or found[2] in (".", "..") or printable(found[2]) != found[2]:
        raise ValueError("expected a SHA-256 and the name of a file beside the list")
    return found[1], found[2]


def check_listed(package: Path, name: str, data: bytes) -> None:
    """Check the bytes of one file against the package's checksum list.

    Raises
    ------
    ModelInvalid
        They are not those listed.
    """
    if read_checksums(package).get(name) != hashlib.sha256(data).hexdigest():
        raise ModelInvalid(
            f"{package / name}: its bytes are not those listed in {CHECKSUMS}; "
            "copy the package again"
        )


def check_checksums(package: Path, elsewhere: str = "") -> None:
    """Check every file that a package lists, and that it lists every artefact that it has.

    Parameters
    ----------
    package
        The folder.
    elsewhere
        A file that may be missing, since another takes its place.

    Raises
    ------
    ModelInvalid
        Files are missing, changed or not listed; the message names all of them.
    """
    listed = read_checksums(package)
    wrong = [
        f"{kind.file} is not listed"
        for kind in FORMATS.values()
        if (package / kind.file).exists() and kind.file not in listed
    ]
    for name, digest in listed.items():
        path = package / name
        if name == elsewhere and not path.exists():
            continue
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            wrong.append(f"{name} was changed")
    if wrong:
        raise ModelInvalid(
            f"{package}: its files are not those listed in {CHECKSUMS}: {', '.join(wrong)}; "
            "copy or export the package again"
        )


def write_checksums(package: Path) -> None:
    """List the SHA-256 of every file in a package, as ``sha256sum`` prints and checks them."""
    files = [path for path in package.iterdir() if path.is_file() and path.name != CHECKSUMS]
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    write_list(package, digests)


def write_list(package: Path, digests: Mapping[str, str]) -> None:
    """Write a checksum list of file name to SHA-256, whole or not at all."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    write_whole(package / CHECKSUMS, "".join(lines))
