"""Memory of the machine and of processes."""

import os
from pathlib import Path

import pytest

from cxr_edge.system.memory import (
    available_memory,
    peak_memory,
    resident_memory,
    total_memory,
)

MEGABYTE = 1 << 20
TOTAL, AVAILABLE = 8000 * MEGABYTE, 6000 * MEGABYTE
NO_LIMIT = "9223372036854771712"


def machine(folder: Path, membership: str, groups: dict[str, dict[str, str]]) -> tuple[Path, ...]:
    """Return the files of a made-up machine: what is free, its memberships, its control groups."""
    meminfo, member, mount = folder / "meminfo", folder / "membership", folder / "cgroup"
    meminfo.write_text(
        f"MemTotal:  {TOTAL // 1024} kB\nMemFree: 1 kB\nMemAvailable: {AVAILABLE // 1024} kB\n"
    )
    member.write_text(membership)
    for group, files in groups.items():
        (mount / group).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (mount / group / name).write_text(f"{text}\n")
    return meminfo, member, mount


def v2(limit: str, used: int = 0, cached: int = 0, high: str = "max") -> dict[str, str]:
    return {
        "memory.max": limit, "memory.high": high, "memory.current": str(used),
        "memory.stat": f"anon 5\ninactive_file {cached}\nactive_file 7",
    }  # fmt: skip


def v1(limit: str, used: int = 0, cached: int = 0) -> dict[str, str]:
    return {
        "memory.limit_in_bytes": limit, "memory.usage_in_bytes": str(used),
        "memory.stat": f"inactive_file 3\ntotal_inactive_file {cached}",
    }  # fmt: skip


MACHINES = {
    "no control groups": ("", {}, TOTAL, AVAILABLE),
    "v2, no limit": ("0::/a\n", {"a": v2("max", 5)}, TOTAL, AVAILABLE),
    "v2, own group": ("0::/a\n", {"a": v2("1000", 300)}, 1000, 700),
    "v2, the container's root": ("0::/on/the/host\n", {".": v2("1000", 300)}, 1000, 700),
    "v2, group above": (
        "0::/a/b\n", {"a": v2("1000", 300), "a/b": v2("max", 200)}, 1000, 700,
    ),
    "v2, nested limits": (
        "0::/a/b\n", {"a": v2("1000", 900), "a/b": v2("800", 200)}, 800, 100,
    ),
    "v2, throttled": ("0::/a\n", {"a": v2("1000", 300, high="600")}, 600, 300),
    "v2, cached files": ("0::/a\n", {"a": v2("1000", 900, 250)}, 1000, 350),
    "v2, over its limit": ("0::/a\n", {"a": v2("1000", 1200)}, 1000, 0),
    "v2, above the machine": ("0::/a\n", {"a": v2(str(2 * TOTAL), 1)}, TOTAL, AVAILABLE),
    "v2, another's group": ("0::/a\n", {"a": v2("max"), "b": v2("10")}, TOTAL, AVAILABLE),
    "v1": (
        "4:memory:/a/b\n3:cpu,cpuacct:/c\n0::/\n",
        {"memory/a": v1("1000", 900, 50), "memory/a/b": v1(NO_LIMIT, 200), "memory/c": v1("1")},
        1000, 150,
    ),
    "v1, no limit": ("4:memory:/\n", {"memory": v1(NO_LIMIT, 5)}, TOTAL, AVAILABLE),
}  # fmt: skip


@pytest.mark.parametrize(
    ("membership", "groups", "total", "available"), MACHINES.values(), ids=MACHINES
)
def test_the_narrowest_limit_counts(
    tmp_path: Path,
    membership: str,
    groups: dict[str, dict[str, str]],
    total: int,
    available: int,
) -> None:
    """The machine's memory, or that of the process's own group or one above it, if that is less."""
    files = machine(tmp_path, membership, groups)
    assert total_memory(*files) == total
    assert available_memory(*files) == available


def test_a_system_that_does_not_say_gives_0(tmp_path: Path) -> None:
    """No /proc is no error."""
    none = tmp_path / "none"
    assert total_memory(none, none, none) == available_memory(none, none, none) == 0


def test_this_machine_has_memory() -> None:
    """No more memory is available than there is, and this process has some of it."""
    assert 0 < available_memory() <= total_memory()
    assert 0 < resident_memory(os.getpid()) <= peak_memory()
    assert resident_memory(1 << 30) == 0
