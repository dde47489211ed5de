"""The PATHs of a command, checked and named."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.errors import UsageError


@dataclass(frozen=True)
class Root:
    """A PATH of the command, and the name its files carry in the report."""

    path: Path
    """File or folder."""
    prefix: str
    """Put before each file's path; empty for a single root."""


def resolve_roots(paths: Sequence[Path]) -> list[Root]:
    """Check the PATHs of a command and name them for the report.

    A path given twice counts once. Several paths are named by as many of their last parts as
    tell them apart.

    Raises
    ------
    UsageError
        A path does not exist, cannot be listed or lies in another, or no names tell the paths
        apart.
    """
    _check(paths)
    absolute = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))  # noqa: PTH100  (links stay)
    for path in absolute:
        if above := set(path.parents) & set(absolute):
            raise UsageError(
                f"expected PATHs apart from each other, {path} lies in {above.pop()}; name one"
            )
    if len(absolute) == 1:
        root = absolute[0]
        return [Root(root, "" if root.is_dir() else root.name)]
    return [Root(path, name) for path, name in _names(absolute).items()]


def _check(paths: Sequence[Path]) -> None:
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"expected a file or folder, {path} does not exist")
        if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
            raise UsageError(f"expected a folder that can be listed, {path} refuses")


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Name each path by as many of its last parts as tell it from the others."""
    depth = dict.fromkeys(paths, 1)
    while True:
        names = {path: "/".join(path.parts[1:][-count:]) for path, count in depth.items()}
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
                    f"expected PATHs whose names tell them apart, got {name} ({path}) and "
                    f"{other}; scan them one at a time"
                )
    return names
