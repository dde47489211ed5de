"""The checksum list of a model package."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.package import CHECKSUMS, FORMATS
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.bounded import read_at_most
from cxr_edge.system.printable import printable

_MAX_CHECKSUMS: Final = 1 << 20
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^/\\:]+)")


def checksum_list(package: Path) -> bytes:
    """Return the bytes of a package's checksum list.

    Raises
    ------
    ModelInvalid
        The package has none, or it is no regular file of bounded length.
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
        The package has none, it is malformed, or it names a file elsewhere.
    """
    try:
        lines = checksum_list(package).decode().splitlines()
        return {name: digest for digest, name in map(_split, lines)}
    except ValueError as exc:
        raise _no_package(package) from exc


def _no_package(package: Path) -> ModelInvalid:
    return ModelInvalid(
        f"{package}: expected a model package with {CHECKSUMS}, got none that can be read; "
        "make one with 'cxr export', or name an .onnx or .tflite file"
    )


def _split(line: str) -> tuple[str, str]:
    """Return digest and name; raises ValueError where they are none."""
    found = _LINE.fullmatch(line)
    if not found or found[2] in (".", "..") or printable(found[2]) != found[2]:
        raise ValueError("expected a SHA-256 and the name of a file beside the list")
    return found[1], found[2]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, which are never all in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_or_lists(package: Path, name: str) -> bool:
    """Tell whether a package has a file, or should have it."""
    return (package / name).exists() or name in read_checksums(package)


def missing_artefacts(package: Path) -> list[str]:
    """Return the artefacts that a package lists and does not have, the most exact one first."""
    listed = read_checksums(package)
    files = [kind.file for kind in FORMATS.values()]
    return [file for file in files if file in listed and not (package / file).is_file()]


def check_listed(package: Path, name: str, digest: str) -> None:
    """Check the SHA-256 of one file against the package's checksum list.

    Raises
    ------
    ModelInvalid
        The list has another one, or none.
    """
    if read_checksums(package).get(name) != digest:
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
        File that may be missing, since another takes its place.

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
        elif file_sha256(path) != digest:
            wrong.append(f"{name} was changed")
    if wrong:
        raise ModelInvalid(
            f"{package}: its files are not those listed in {CHECKSUMS}: {', '.join(wrong)}; "
            "copy or export the package again"
        )


def write_checksums(package: Path) -> None:
    """List the SHA-256 of every file in a package, as ``sha256sum`` prints and checks them."""
    files = [path for path in package.iterdir() if path.is_file() and path.name != CHECKSUMS]
    write_list(package, {path.name: file_sha256(path) for path in files})


def write_list(package: Path, digests: Mapping[str, str]) -> None:
    """Write a checksum list of file name to SHA-256, whole or not at all."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    write_text_atomically(package / CHECKSUMS, "".join(lines))
