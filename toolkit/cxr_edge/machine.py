"""What this machine is, and what it lets the process use."""

import os
import platform
from pathlib import Path
from typing import Final

_CPU_FACTS: Final = frozenset(
    {"model name", "flags", "Features", "CPU implementer", "CPU part", "CPU variant"}
)


def usable_cpus() -> int:
    """Return how many CPUs this process may use, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


def peak_memory() -> int:
    """Return the most bytes that this process ever had in memory."""
    import resource  # not on every system

    unit = 1 if platform.system() == "Darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
