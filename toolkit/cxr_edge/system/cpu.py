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
    for line in read_or_empty(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        # In a container this may be the host's path; of what is not there nothing is read.
        path = PurePosixPath(group.lstrip("/"))
        for level in (path, *path.parents):
            if not controllers:  # version 2
                limit = read_or_empty(cgroups / level / "cpu.max")
            elif "cpu" in controllers.split(","):  # version 1
                folder = cgroups / "cpu" / level
                limit = read_or_empty(folder / "cpu.cfs_quota_us") + read_or_empty(
                    folder / "cpu.cfs_period_us"
                )
            else:
                continue
            match limit.split():
                case [quota, period] if quota not in ("max", "-1"):
                    yield int(quota) / int(period)


def read_or_empty(file: Path) -> str:
    """Return a file's text, empty where it cannot be read."""
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
    facts = dict(re.findall(r"^(flags|Features)\s*:(.*)$", read_or_empty(cpuinfo), re.MULTILINE))
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
