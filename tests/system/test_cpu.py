"""The CPUs of this machine."""

import os
import platform
from pathlib import Path

import pytest

from cxr_edge.system.cpu import CpuInfo, usable_cpus


def test_a_bound_process_may_use_fewer_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads follow what the process may use, not what the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert usable_cpus() == 1


@pytest.mark.parametrize(
    ("membership", "limits", "cpus"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000"}, 2),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000"}, 8),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "250000 100000"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "500000 100000", "a/cpu.max": "150000 50000"}, 3),
        ("0::/\n", {"cpu.max": "10000 100000"}, 1),
        ("0::/on/the/host\n", {"cpu.max": "400000 100000"}, 4),
        ("0::/a\n", {"a/cpu.max": "6400000 100000", "other/cpu.max": "100000 100000"}, 8),
        (
            "4:memory:/m\n3:cpu,cpuacct:/a/b\n0::/\n",
            {"cpu/a/cpu.cfs_quota_us": "150000\n", "cpu/a/cpu.cfs_period_us": "100000\n",
             "cpu/m/cpu.cfs_quota_us": "100000\n", "cpu/m/cpu.cfs_period_us": "100000\n"},
            2,
        ),
        (
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            8,
        ),
        ("", {}, 8),
    ],
    ids=[
        "v2", "v2 without a limit", "v2 limited above", "v2 limited twice", "less than one",
        "the host's path", "more than there are", "v1", "v1 without a limit", "no control groups",
    ],
)  # fmt: skip
def test_a_container_may_use_fewer_cpus(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    membership: str,
    limits: dict[str, str],
    cpus: int,
) -> None:
    """The narrowest limit of the process's control groups counts, rounded up, and never 0."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "membership").write_text(membership)
    for name, limit in limits.items():
        file = tmp_path / "cgroups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(limit)
    assert usable_cpus(tmp_path / "membership", tmp_path / "cgroups") == cpus


def test_a_system_without_control_groups_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is said of limits, what the process is bound to counts."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert usable_cpus(tmp_path / "none", tmp_path / "none") == 8


X86 = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx2 avx512f amx_int8\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n"


@pytest.mark.parametrize(
    ("text", "name", "has"),
    [
        (X86, "Some CPU @ 2 GHz", {"AVX2", "AVX-512", "AMX int8"}),
        (ARM, "CPU implementer 0x41, CPU part 0xd08", {"NEON", "dot product"}),
        (
            f"{X86}\n{X86.replace('Some', 'Other')}",
            "Some CPU @ 2 GHz",
            {"AVX2", "AVX-512", "AMX int8"},
        ),
        ("", platform.machine(), set()),
    ],
    ids=["x86", "arm", "two CPUs", "nothing"],
)
def test_a_cpu_is_known_by_its_name_and_features(
    tmp_path: Path, text: str, name: str, has: set[str]
) -> None:
    """The first CPU's model and what speeds a network up, on x86 and on ARM."""
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    cpu = CpuInfo.read(file)
    assert cpu.name == name
    assert {feature for feature, there in cpu.features.items() if there} == has
    assert bool(cpu.features) == bool(text)


def test_a_cpu_is_the_same_at_another_clock(tmp_path: Path) -> None:
    """A measurement holds for this CPU whatever its clock, and not for one that has more."""
    identities = []
    for mhz, flags in (
        ("812.1", "fpu avx2"),
        ("3100.0", "avx2 fpu"),
        ("812.1", "fpu avx2 avx512f"),
    ):
        file = tmp_path / "cpuinfo"
        file.write_text(f"model name\t: Fast\ncpu MHz\t\t: {mhz}\nflags\t\t: {flags}\n")
        identities.append(CpuInfo.read(file).identity)
    assert identities[0] == identities[1] != identities[2]


def test_a_system_that_does_not_say_is_told_by_its_architecture(tmp_path: Path) -> None:
    """No /proc/cpuinfo is no error."""
    assert CpuInfo.read(tmp_path / "none") == CpuInfo(platform.machine(), {})
