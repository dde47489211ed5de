"""Memory of the machine and of processes, in bytes."""

import os
import platform
import re
from pathlib import Path

from cxr_edge.system.cpu import read_or_empty


def total_memory(
    meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")
) -> int:
    """Return how many bytes of memory there are for this process in all, 0 where nobody tells.

    Parameters
    ----------
    meminfo, cgroup
        As for :func:`available_memory`.
    """
    found = re.search(r"^MemTotal:\s+(\d+) kB$", read_or_empty(meminfo), re.MULTILINE)
    limit = read_or_empty(cgroup / "memory.max").strip()
    limits = [1024 * int(found[1])] if found else []
    return min([*limits, *([int(limit)] if limit.isdecimal() else [])], default=0)


def available_memory(
    meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")
) -> int:
    """Return how many bytes more this process may use without swapping, 0 where nobody tells.

    Parameters
    ----------
    meminfo
        Where Linux says what is free on the machine.
    cgroup
        Where it says what a container may use, which can be less.
    """
    free = []
    try:
        facts = dict(line.split(":") for line in meminfo.read_text().splitlines())
        free.append(1024 * int(facts["MemAvailable"].split()[0]))
        limit = (cgroup / "memory.max").read_text().strip()
        if limit != "max":
            used = int((cgroup / "memory.current").read_text())
            facts = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
            free.append(int(limit) - used + int(facts.get("inactive_file", 0)))  # a cache gives way
    except (OSError, KeyError, ValueError):
        pass
    return max(0, min(free, default=0))


def resident_memory(pid: int) -> int:
    """Return the bytes that a process has in memory, 0 where the system does not tell."""
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
        Where Linux says it. What ``getrusage`` says there is no less than what the process had
        that started this one.
    """
    found = re.search(r"^VmHWM:\s+(\d+) kB$", read_or_empty(status), re.MULTILINE)
    if found:
        return 1024 * int(found[1])
    import resource  # not on every system

    unit = 1 if platform.system() == "Darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
