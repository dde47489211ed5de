"""The PATHs of a command, checked and named."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cxr_edge.errors import UsageError
from cxr_edge.storage.base import Kind, Storage
from cxr_edge.storage.local import LOCAL
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


def resolve_roots(paths: Sequence[str | Path], storage: Storage = LOCAL) -> list[Root]:
    """Check the PATHs of a command and name them for the report.

    A path given twice counts once. Several paths are named by as many of their last parts as
    distinguish them.

    Raises
    ------
    UsageError
        A path does not exist, cannot be read or lies in another, or no names tell the paths
        apart.
    """
    found = {storage.absolute(str(path)): _is_folder(path, storage) for path in paths}
    for path in found:
        if above := {str(parent) for parent in PurePosixPath(path).parents} & found.keys():
            raise UsageError(f"{path} is inside {above.pop()}; give only one of them")
    if len(found) == 1:
        (path, is_folder), *_ = found.items()
        return [Root(path, "" if is_folder else PurePosixPath(path).name, is_folder)]
    return [Root(path, name, found[path]) for path, name in names_apart(list(found)).items()]


def named_roots(paths: Sequence[str | Path]) -> dict[str, str]:
    """Return the full path of each PATH by its name in the report, as a manifest has them.

    Raises
    ------
    UsageError
        As :func:`resolve_roots`.
    """
    return {printable(root.prefix): printable(root.where) for root in resolve_roots(paths)}


def file_of(path: str, roots: Mapping[str, str]) -> Path | None:
    """Return the file of a row.

    Parameters
    ----------
    path
        Path in the report.
    roots
        What was scanned, as :func:`named_roots` gives it.

    Returns
    -------
    pathlib.Path or None
        The file, which may be gone; None where no root has the path in it.
    """
    for prefix, where in roots.items():
        if path == prefix:
            return Path(unescaped(where))
        if not prefix or path.startswith(f"{prefix}/"):
            inside = unescaped(path.removeprefix(f"{prefix}/") if prefix else path)
            if ".." in inside.split("/"):  # no scan writes that
                return None
            return Path(unescaped(where), inside.lstrip("/"))
    return None


def _is_folder(path: str | Path, storage: Storage) -> bool:
    try:
        return storage.stat(str(path)).kind is Kind.FOLDER
    except ValueError as exc:
        raise UsageError(f"{str(path)!r}: expected a path, which has no NUL in it") from exc
    except PermissionError as exc:
        raise UsageError(f"{path} cannot be listed; check its permissions") from exc
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise UsageError(f"{path} does not exist; check the spelling") from exc
    except OSError as exc:
        raise UsageError(f"{path} cannot be read ({exc.strerror}); check its disk") from exc


def names_apart(paths: Sequence[str]) -> dict[str, str]:
    """Name each path by as many of its last parts as distinguish it from the others."""
    parts = {path: PurePosixPath(path).parts[1:] for path in paths}
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
