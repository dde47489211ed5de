"""The control groups that limit this process: its own and the groups above, versions 1 and 2."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

MEMBERSHIP: Final = Path("/proc/self/cgroup")
"""File in which Linux lists the control groups of the process."""

MOUNT: Final = Path("/sys/fs/cgroup")
"""Folder at which Linux mounts the control groups."""


@dataclass(frozen=True)
class Cgroup:
    """One control group."""

    folder: Path
    """Folder of its files."""
    version: int
    """Version of the interface, 1 or 2."""

    def read(self, name: str) -> str:
        """Return the text of one of its files, empty where there is none."""
        return read_or_empty(self.folder / name).strip()

    def number(self, name: str) -> int | None:
        """Return the number in one of its files, None where there is none or it is ``max``."""
        text = self.read(name)
        return int(text) if text.isdecimal() else None


def own_cgroups(
    controller: str, membership: Path = MEMBERSHIP, mount: Path = MOUNT
) -> Iterator[Cgroup]:
    """Yield the control groups that a controller holds this process in, and all groups above.

    Parameters
    ----------
    controller
        ``cpu`` or ``memory``.
    membership, mount
        Files of Linux; another system has none, and nothing is yielded.
    """
    for line in read_or_empty(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        # In a container this may be the host's path: files that are not there are read as empty.
        path = PurePosixPath(group.lstrip("/"))
        for level in (path, *path.parents):
            if not controllers:
                yield Cgroup(mount / level, 2)
            elif controller in controllers.split(","):
                yield Cgroup(mount / controller / level, 1)


def read_or_empty(file: Path) -> str:
    """Return a file's text, empty where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
