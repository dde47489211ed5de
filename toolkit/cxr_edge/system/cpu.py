"""The CPUs of this machine: how many the process may use, and what they can compute with."""

import math
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.system.cgroups import MEMBERSHIP, MOUNT, own_cgroups, read_or_empty

_FEATURES: Final[Mapping[str, Mapping[str, str]]] = {
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
"""Instructions that speed a network up: their common names, and Linux's."""


@dataclass(frozen=True)
class CpuInfo:
    """Facts about the first CPU."""

    name: str
    """Model; for ARM the numbers of its maker and part; else the architecture."""
    features: Mapping[str, bool]
    """Instructions that speed a network up, each with whether the CPU has it; empty where the
    system does not say."""
    instructions: tuple[str, ...] = ()
    """All instruction sets of the CPU, sorted, in Linux's words."""

    @classmethod
    def read(cls, cpuinfo: Path = Path("/proc/cpuinfo")) -> "CpuInfo":
        """Read what Linux says; another system says nothing."""
        first, _, _ = read_or_empty(cpuinfo).partition("\n\n")
        pairs = (line.partition(":") for line in first.splitlines())
        facts = {name.strip(): " ".join(value.split()) for name, _, value in pairs}
        numbers = [
            f"{name} {facts[name]}" for name in ("CPU implementer", "CPU part") if name in facts
        ]
        name = facts.get("model name") or ", ".join(numbers) or platform.machine()
        for fact, known in _FEATURES.items():
            if fact in facts:
                words = frozenset(facts[fact].split())
                features = {feature: word in words for feature, word in known.items()}
                return cls(name, features, tuple(sorted(words)))
        return cls(name, {})

    @property
    def identity(self) -> str:
        """Name and instructions; CPUs that compute otherwise or at another speed differ in it."""
        return f"{self.name}; {' '.join(self.instructions)}"


def usable_cpus(membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> int:
    """Return how many CPUs this process may use, which can be fewer than there are.

    It is the count of CPUs that the process is bound to, or the CPU time that its control group and
    the groups above may use (``docker run --cpus``, a Kubernetes limit), rounded up, if that is
    less.

    Parameters
    ----------
    membership, mount
        As for :func:`cxr_edge.system.cgroups.own_cgroups`.
    """
    quota = cpu_quota(membership, mount)
    return max(1, min(bound_cpus(), bound_cpus() if quota is None else math.ceil(quota)))


def bound_cpus() -> int:
    """Return how many CPUs this process is bound to: all, unless something restricts it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else all_cpus()


def all_cpus() -> int:
    """Return how many CPUs the machine has."""
    return os.cpu_count() or 1


def cpu_quota(membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> float | None:
    """Return how many CPUs' time this process may use, None where nothing limits it.

    Parameters
    ----------
    membership, mount
        As for :func:`cxr_edge.system.cgroups.own_cgroups`.
    """
    return min(_quotas(membership, mount), default=None)


def _quotas(membership: Path, mount: Path) -> Iterator[float]:
    for group in own_cgroups("cpu", membership, mount):
        if group.version == 2:
            limit = group.read("cpu.max")
        else:
            limit = f"{group.read('cpu.cfs_quota_us')} {group.read('cpu.cfs_period_us')}"
        match limit.split():
            case [quota, period] if quota not in ("max", "-1"):
                yield int(quota) / int(period)


def side_by_side(threads: int) -> int:
    """Return how many calls of so many threads each this process's CPUs take at once."""
    return max(1, usable_cpus() // threads)
