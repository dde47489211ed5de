"""Memory of the machine and of processes, in bytes."""

import os
import re
import sys
from pathlib import Path
from typing import Final

from cxr_edge.system.cgroups import MEMBERSHIP, MOUNT, Cgroup, own_cgroups, read_or_empty

_MEMINFO: Final = Path("/proc/meminfo")
_LIMITS: Final = {1: ("memory.limit_in_bytes",), 2: ("memory.max", "memory.high")}
_USED: Final = {1: "memory.usage_in_bytes", 2: "memory.current"}
_FILES: Final = {1: "total_inactive_file", 2: "inactive_file"}
"""Lines of memory.stat: cached files, which are dropped where memory is needed."""


def total_memory(
    meminfo: Path = _MEMINFO, membership: Path = MEMBERSHIP, mount: Path = MOUNT
) -> int:
    """Return how many bytes this process may use in all, 0 where the system does not say.

    Parameters
    ----------
    meminfo, membership, mount
        As for :func:`available_memory`.
    """
    sizes = [_limit(group) for group in own_cgroups("memory", membership, mount)]
    sizes.append(_kilobytes(meminfo, "MemTotal"))
    return min((size for size in sizes if size is not None), default=0)


def available_memory(
    meminfo: Path = _MEMINFO, membership: Path = MEMBERSHIP, mount: Path = MOUNT
) -> int:
    """Return how many more bytes this process may use without swapping, 0 where nobody says.

    The machine may have that much, and so may the process's control group and each group above it
    (``docker run --memory``, a Kubernetes limit, ``MemoryMax=`` of systemd).

    Parameters
    ----------
    meminfo
        File in which Linux says what is free on the machine.
    membership, mount
        As for :func:`cxr_edge.system.cgroups.own_cgroups`.
    """
    free = [_free(group) for group in own_cgroups("memory", membership, mount)]
    free.append(_kilobytes(meminfo, "MemAvailable"))
    return max(0, min((size for size in free if size is not None), default=0))


def resident_memory(pid: int) -> int:
    """Return the bytes that a process has in memory, 0 where the system does not say."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def peak_memory(status: Path = Path("/proc/self/status")) -> int:
    """Return the most bytes that this process ever had in memory.

    Parameters
    ----------
    status
        File in which Linux says it. ``getrusage`` would count the process that started this one
        too.
    """
    if (peak := _kilobytes(status, "VmHWM")) is not None:
        return peak
    import resource  # not on every system

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _limit(group: Cgroup) -> int | None:
    sizes = [group.number(name) for name in _LIMITS[group.version]]
    return min((size for size in sizes if size is not None), default=None)


def _free(group: Cgroup) -> int | None:
    limit, used = _limit(group), group.number(_USED[group.version])
    if limit is None or used is None:
        return None
    cached = re.search(rf"^{_FILES[group.version]} (\d+)$", group.read("memory.stat"), re.MULTILINE)
    return limit - used + (int(cached[1]) if cached else 0)


def _kilobytes(file: Path, name: str) -> int | None:
    """Return the bytes in a line of a file of /proc."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", read_or_empty(file), re.MULTILINE)
    return 1024 * int(found[1]) if found else None
