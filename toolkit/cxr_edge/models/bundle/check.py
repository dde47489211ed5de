"""The check of a bundle: every file as listed, and the list signed by a key."""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from cxr_edge.errors import BundleError, UsageError
from cxr_edge.models.bundle.layout import SIGNATURE, SUMS
from cxr_edge.system.printable import first_names, printable

_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^\\:\n]+)")


def check_bundle(
    folder: Path,
    key: Path | None,
    *,
    unsigned: bool,
    verifier: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> str:
    """Check that a bundle is as it was made, and who made it.

    Parameters
    ----------
    folder
        The bundle.
    key
        File of the public key that it must be signed by.
    unsigned
        Whether a bundle without a signature is accepted; one that has a signature is not.
    verifier
        Context in which the library of signatures can be imported.

    Returns
    -------
    str
        What was checked, for a person.

    Raises
    ------
    UsageError
        Neither a key nor ``unsigned`` is given, or both; the key cannot be used.
    BundleError
        Files were changed, added or removed, or it is not signed by that key.
    """
    if (key is None) is not unsigned:
        raise UsageError(
            "expected --key PUBKEY, to check who made the bundle, or --unsigned for one without "
            f"a signature, got {'both' if key else 'neither'}"
        )
    try:
        public = key.read_bytes() if key else b""
    except OSError as exc:
        raise UsageError(f"--key: {key} cannot be read: {exc.strerror}") from exc
    sums = _read(folder, SUMS)
    _require_as_listed(folder, sums)
    count = f"all {len(_parse(sums))} files are as {SUMS} lists them"
    is_signed = (folder / SIGNATURE).exists()
    if not key:
        if is_signed:
            raise BundleError(
                f"--unsigned: expected a bundle without {SIGNATURE}, got a signed one; check it "
                "with --key PUBKEY"
            )
        return f"{count}; not signed: who made it is not known"
    if not is_signed:
        raise BundleError(
            f"--key: expected a signed bundle, got one without {SIGNATURE}; get a signed one, or "
            "accept this one with --unsigned in place of --key"
        )
    signature = _read(folder, SIGNATURE)
    with verifier():
        from cxr_edge.models.bundle.signature import require_signature

        return f"{count}; signed by key {require_signature(sums, signature, public)}"


def files_of(folder: Path) -> list[str]:
    """Return the name of every file, link and empty folder in a folder, sorted.

    They have forward slashes. Other folders go with their files.
    """
    found: list[str] = []
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        links = [name for name in folders if (here / name).is_symlink()]
        empty = [] if folders or files or here == Path(folder) else [""]
        names = (*files, *links, *empty)
        found += [(here / name).relative_to(folder).as_posix() for name in names]
    return sorted(found)


def sums_of(folder: Path) -> bytes:
    """Return the checksum list of a folder's files."""
    names = [name for name in files_of(folder) if name not in (SUMS, SIGNATURE)]
    return _listed({name: _digest(folder / name) for name in names})


def _read(folder: Path, name: str) -> bytes:
    try:
        return _bytes(folder / name)
    except OSError as exc:
        raise BundleError(
            f"{folder}: expected a bundle, as 'cxr bundle' makes it, got one whose {name} cannot "
            f"be read ({exc.strerror}); copy it again"
        ) from exc


def _bytes(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would wait
        raise OSError(errno.EINVAL, "it is not a regular file")
    return path.read_bytes()


def _require_as_listed(folder: Path, sums: bytes) -> None:
    listed, found = _parse(sums), set(files_of(folder)) - {SUMS, SIGNATURE}
    wrong = [] if listed else [f"{SUMS} was changed"]
    for name in sorted(found | set(listed)) if listed else ():
        if name not in listed:
            wrong.append(f"{printable(name)} was added")
        elif name not in found:
            wrong.append(f"{name} is missing")
        elif _digest(folder / name) != listed[name]:
            wrong.append(f"{name} was changed")
    if wrong:
        raise BundleError(
            f"{folder}: expected the files that {SUMS} lists, got others: {first_names(wrong)}; "
            "copy the bundle again, and delete what was added"
        )


def _parse(sums: bytes) -> Mapping[str, str]:
    """Return file to SHA-256; nothing where the list is not exactly as it is written."""
    try:
        lines = [_LINE.fullmatch(line) for line in sums.decode().split("\n")]
    except UnicodeDecodeError:
        return {}
    listed = {line[2]: line[1] for line in lines if line}
    return listed if _listed(listed) == sums else {}


def _listed(digests: Mapping[str, str]) -> bytes:
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


def _digest(path: Path) -> str:
    """Return the SHA-256 of a regular file, a word for anything else."""
    if path.is_symlink() or not path.is_file():
        return "no regular file"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
