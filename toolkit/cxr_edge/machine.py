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
