"""The places where disks are mounted."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MOUNT_INFO: Final = Path("/proc/self/mountinfo")
"""List of this process's mounts; Linux alone has it (proc_pid_mountinfo(5))."""

_AUTOMATIC: Final = b"autofs"
"""Type of a place that an automounter looks after."""

_OCTAL: Final = re.compile(rb"\\([0-7]{3})")


def mount_points(info: Path = MOUNT_INFO) -> list[bytes]:
    """Return the mount points of this machine, sorted; none where nothing tells.

    A place that an automounter looks after is left out, since it comes and goes as it is used.
    """
    mounts = list(_mounts(info))
    automatic = {place for place, kind in mounts if kind == _AUTOMATIC}
    return sorted({place for place, _ in mounts} - automatic)


def file_system(path: str, info: Path = MOUNT_INFO) -> str:
    """Return the type of the file system that a path is in, such as ``ext4`` or ``nfs4``.

    It is empty where nothing tells.
    """
    real = os.path.realpath(os.fsencode(path))
    found, length = b"", -1
    for place, kind in _mounts(info):  # in the order in which they were mounted over each other
        inside = real == place or real.startswith(place.rstrip(b"/") + b"/")
        if inside and len(place) >= length and kind != _AUTOMATIC:
            found, length = kind, len(place)
    return os.fsdecode(found)


def _mounts(info: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the place and type of each mount; none where nothing tells."""
    try:
        lines = info.read_bytes().splitlines()
    except OSError:
        return
    for fields in (line.split(b" ") for line in lines):
        place = _OCTAL.sub(lambda octal: bytes([int(octal[1], 8) & 0xFF]), fields[4])
        yield place, fields[fields.index(b"-") + 1]
