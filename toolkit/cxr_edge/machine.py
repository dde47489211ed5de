"""What this machine is, and what it lets the process use."""

import math
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

_CPU_FACTS: Final = frozenset(
    {"model name", "flags", "Features", "CPU implementer", "CPU part", "CPU variant"}
)


def usable_cpus(
    membership: Path = Path("/proc/self/cgroup"), cgroups: Path = Path("/sys/fs/cgroup")
) -> int:
    """Return how many CPUs this process may use, which can be fewer than there are.

    Counted are those that it is bound to, and of their time what its control group and the groups
    above may use (``docker run --cpus``, a Kubernetes limit), rounded up.

    Parameters
    ----------
    membership
        Where Linux says which control groups the process is in.
    cgroups
        Where these are mounted.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([bound or 1, *map(math.ceil, _quotas(membership, cgroups))]))


def _quotas(membership: Path, cgroups: Path) -> Iterator[float]:
    """Yield every limit on this process, as a number of CPUs."""
    for line in _read(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        # In a container this may be the host's path; of what is not there nothing is read.
        path = PurePosixPath(group.lstrip("/"))
        for level in (path, *path.parents):
            if not controllers:  # version 2
                limit = _read(cgroups / level / "cpu.max")
            elif "cpu" in controllers.split(","):  # version 1
                folder = cgroups / "cpu" / level
                limit = _read(folder / "cpu.cfs_quota_us") + _read(folder / "cpu.cfs_period_us")
            else:
                continue
            match limit.split():
                case [quota, period] if quota not in ("max", "-1"):
                    yield int(quota) / int(period)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def side_by_side(threads: int) -> int:
    """Return how many calls of so many threads each this process's CPUs take at once."""
    return max(1, usable_cpus() // threads)


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return what the system says of its first CPU: the model and what it can compute with.

    Parameters
    ----------
    cpuinfo
        Where Linux says it; elsewhere the architecture stands in.
    """
    facts = []
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.strip():
                    break
                if line.partition(":")[0].strip() in _CPU_FACTS:
                    facts.append(" ".join(line.split()))
    except OSError:
        pass
    return "; ".join(facts) or platform.machine()


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
            free.append(int(limit) - int((cgroup / "memory.current").read_text()))
    except (OSError, KeyError, ValueError):
        pass
    return max(0, min(free, default=0))


def peak_memory(status: Path = Path("/proc/self/status")) -> int:
    """Return the most bytes that this process ever had in memory.

    Parameters
    ----------
    status
        Where Linux says it. What ``getrusage`` says there is no less than what the process had
        that started this one.
    """
    found = re.search(r"^VmHWM:\s+(\d+) kB$", _read(status), re.MULTILINE)
    if found:
        return 1024 * int(found[1])
    import resource  # not on every system

    unit = 1 if platform.system() == "Darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
