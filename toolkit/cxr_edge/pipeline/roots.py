"""The PATHs of a command, checked and named."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.storage.archive_kind import is_archive
from cxr_edge.storage.base import Kind, Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.place import storage_of, without_file_scheme
from cxr_edge.system.printable import printable, unescaped


@dataclass(frozen=True)
class Root:
    """A PATH of the command, and the name that its files have in the report."""

    where: str
    """Full path of the file or folder."""
    prefix: str
    """Name before each file's path in the report; empty for a single folder, and the path of a
    file."""
    is_folder: bool
    """Whether it is a folder."""
    storage: Storage = field(default=LOCAL, compare=False, repr=False)
    """Storage that it is in."""


@dataclass(frozen=True)
class Located:
    """A file that was scanned, where it should be."""

    where: str
    """Full path."""
    storage: Storage
    """Storage that it is in."""

    @property
    def file(self) -> Path | None:
        """Path of the file; None where it is not one of the operating system."""
        return Path(self.where) if self.storage.is_local else None

    def is_there(self) -> bool:
        """Tell whether something is at the path."""
        try:
            self.storage.stat(self.where)
        except (OSError, ValueError):  # a name that is too long, or that no file has
            return False
        return True


def resolve_roots(paths: Sequence[str | Path], storage: Storage | None = None) -> list[Root]:
    """Check the PATHs of a command and name them for the report.

    A path given twice counts once. Several paths are named by as many of their last parts as
    distinguish them.

    Parameters
    ----------
    paths
        Files and folders.
    storage
        Storage of them all; by default each path says which it is in.

    Raises
    ------
    UsageError
        A path does not exist, cannot be read or lies in another, or no names tell the paths
        apart.
    """
    found: dict[str, Root] = {}
    for path in paths:
        place, text = storage or storage_of(path), without_file_scheme(str(path))
        where = place.absolute(text)
        found[where] = Root(where, "", _is_folder(text, place), place)
    for where in found:
        if above := found.keys() & set(_above(where)):
            raise UsageError(f"{where} is inside {above.pop()}; give only one of them")
    if len(found) == 1:
        (root,) = found.values()
        return [root if root.is_folder else replace(root, prefix=_parts(root.where)[-1])]
    return [replace(found[where], prefix=name) for where, name in names_apart(list(found)).items()]


def named_roots(paths: Sequence[str | Path]) -> dict[str, str]:
    """Return the full path of each PATH by its name in the report, as a manifest has them.

    Raises
    ------
    UsageError
        As :func:`resolve_roots`.
    """
    return {printable(root.prefix): printable(root.where) for root in resolve_roots(paths)}


def file_of(path: str, roots: Mapping[str, str]) -> Located | None:
    """Return the file of a row.

    Parameters
    ----------
    path
        Path in the report.
    roots
        What was scanned, as :func:`named_roots` gives it.

    Returns
    -------
    Located or None
        The file, which may be gone; None where no root has the path in it.
    """
    for prefix, where in roots.items():
        root = unescaped(where)
        if path == prefix:
            return Located(root, storage_of(root))
        if not prefix or path.startswith(f"{prefix}/"):
            inside = unescaped(path.removeprefix(f"{prefix}/") if prefix else path)
            if ".." in inside.split("/"):  # no scan writes that
                return None
            return Located(f"{root.rstrip('/')}/{inside.lstrip('/')}", storage_of(root))
    return None


def _is_folder(path: str, storage: Storage) -> bool:
    try:
        return storage.stat(path).kind is Kind.FOLDER
    except ValueError as exc:
        raise UsageError(f"{path!r}: expected a path, which has no NUL in it") from exc
    except OSError as exc:
        if not storage.is_local:
            trouble = "does not exist" if isinstance(exc, FileNotFoundError) else "cannot be read"
            raise UsageError(f"{path} {trouble}: {exc.strerror or exc}") from exc
        raise _unusable(path, exc) from exc


def _unusable(path: str, exc: OSError) -> UsageError:
    """Return the error of a path of this machine."""
    match exc:
        case PermissionError():
            return UsageError(f"{path} cannot be listed; check its permissions")
        case NotADirectoryError() if archive := _archive_above(path):
            return UsageError(
                f"{path}: expected an archive, which is scanned whole, got a path in it; give "
                f"{archive}, or unpack it"
            )
        case FileNotFoundError() | NotADirectoryError():
            return UsageError(f"{path} does not exist; check the spelling")
    return UsageError(f"{path} cannot be read ({exc.strerror}); check its disk")


def _archive_above(path: str) -> str:
    """Return the archive that a path leads into; empty where there is none."""
    above = (str(folder) for folder in Path(path).parents)
    return next((file for file in above if is_archive(file) and os.path.isfile(file)), "")  # noqa: PTH113


def _above(path: str) -> Iterator[str]:
    """Yield the paths of the folders above a full path."""
    if path.startswith("/"):
        yield "/"
    while path := path.rpartition("/")[0]:
        yield path


def _parts(path: str) -> list[str]:
    """Return the names that a full path has between its slashes."""
    return [part for part in path.split("/") if part]


def names_apart(paths: Sequence[str]) -> dict[str, str]:
    """Name each path by as many of its last parts as distinguish it from the others."""
    parts = {path: _parts(path) for path in paths}
    depth = dict.fromkeys(paths, 1)
    while True:
        names = {path: "/".join(parts[path][-count:]) for path, count in depth.items()}
        counts = Counter(names.values())
        clashing = [path for path, name in names.items() if counts[name] > 1]
        if not clashing:
            break
        for path in clashing:
            depth[path] += 1
    for path, name in names.items():
        for other in names.values():
            if other.startswith(name + "/"):
                raise UsageError(
                    f"{name} ({path}) and {other} cannot be told apart in one report; take them "
                    "one at a time"
                )
    return names
