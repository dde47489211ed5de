"""What this machine is, and what it lets the process use."""

import math
import os
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

_CPU_FACTS: Final = frozenset(
    {"model name", "flags", "Features", "CPU implementer", "CPU part", "CPU variant"}
)

_CPU_FEATURES: Final[Mapping[str, Mapping[str, str]]] = {
    "flags": {  # x86
        "AVX2": "avx2",
        "AVX-512": "avx512f",
        "AVX-512 VNNI": "avx512_vnni",
        "AVX VNNI": "avx_vnni",
        "AMX int8": "amx_int8",
        "AMX bf16": "amx_bf16",
    },
    "Features": {  # ARM
        "NEON": "asimd",
        "dot product": "asimddp",
        "fp16": "asimdhp",
        "int8 matrices": "i8mm",
        "bf16": "bf16",
        "SVE": "sve",
    },
}
"""What speeds a network up, as people and as Linux call it."""


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
    quota = cpu_quota(membership, cgroups)
    return max(1, min(bound_cpus(), bound_cpus() if quota is None else math.ceil(quota)))


def bound_cpus() -> int:
    """Return how many CPUs this process is bound to: all, unless somebody says less."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else all_cpus()


def all_cpus() -> int:
    """Return how many CPUs the machine has, whoever may use them."""
    return os.cpu_count() or 1


def cpu_quota(
    membership: Path = Path("/proc/self/cgroup"), cgroups: Path = Path("/sys/fs/cgroup")
) -> float | None:
    """Return of how many CPUs this process may use the time, None where nothing limits it.

    Parameters
    ----------
    membership, cgroups
        As for :func:`usable_cpus`.
    """
    return min(_quotas(membership, cgroups), default=None)


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


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, bool]:
    """Return which of what speeds a network up the CPU has; nothing where the system does not say.

    Parameters
    ----------
    cpuinfo
        Where Linux says it.
    """
    facts = dict(re.findall(r"^(flags|Features)\s*:(.*)$", _read(cpuinfo), re.MULTILINE))
    return {
        name: flag in words.split()
        for fact, words in facts.items()
        for name, flag in _CPU_FEATURES[fact].items()
    }


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the CPU's model alone, the architecture where the system does not say.

    Parameters
    ----------
    cpuinfo
        Where Linux says it; of an ARM CPU numbers stand for the maker and the model.
    """
    facts = [part.split(": ", 1) for part in cpu_model(cpuinfo).split("; ")]
    told = {name.strip(): value for name, value in (fact for fact in facts if len(fact) == 2)}
    numbers = [f"{name} {told[name]}" for name in ("CPU implementer", "CPU part") if name in told]
    return told.get("model name") or ", ".join(numbers) or platform.machine()


def total_memory(
    meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")
) -> int:
    """Return how many bytes of memory there are for this process in all, 0 where nobody tells.

    Parameters
    ----------
    meminfo, cgroup
        As for :func:`available_memory`.
    """
    found = re.search(r"^MemTotal:\s+(\d+) kB$", _read(meminfo), re.MULTILINE)
    limit = _read(cgroup / "memory.max").strip()
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
    found = re.search(r"^VmHWM:\s+(\d+) kB$", _read(status), re.MULTILINE)
    if found:
        return 1024 * int(found[1])
    import resource  # not on every system

    unit = 1 if platform.system() == "Darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
