"""The places where disks are mounted."""

import re
from pathlib import Path
from typing import Final

MOUNT_INFO: Final = Path("/proc/self/mountinfo")
"""List of this process's mounts; Linux alone has it (proc_pid_mountinfo(5))."""

_OCTAL: Final = re.compile(rb"\\([0-7]{3})")


def mount_points(info: Path = MOUNT_INFO) -> list[bytes]:
    """Return the mount points of this machine, sorted; none where nothing tells.

    A place that an automounter looks after is left out, since it comes and goes as it is used.
    """
    try:
        lines = info.read_bytes().splitlines()
    except OSError:
        return []
    found, automatic = set(), set()
    for fields in (line.split(b" ") for line in lines):
        place = _OCTAL.sub(lambda octal: bytes([int(octal[1], 8) & 0xFF]), fields[4])
        found.add(place)
        if fields[fields.index(b"-") + 1] == b"autofs":
            automatic.add(place)
    return sorted(found - automatic)
