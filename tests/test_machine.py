"""What this machine is."""

import os
import platform
from pathlib import Path

import pytest

from cxr_edge.machine import cpu_model, usable_cpus


def test_a_bound_process_may_use_fewer_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads follow what the process may use, not what the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert usable_cpus() == 1


@pytest.mark.parametrize(
    ("text", "model"),
    [
        (
            "model name\t: Fast\ncpu MHz\t\t: 812.1\nflags\t\t: avx2\n\nmodel name\t: Slow\n",
            "model name : Fast; flags : avx2",
        ),
        (
            "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n",
            "Features : fp asimd; CPU implementer : 0x41; CPU part : 0xd08",
        ),
    ],
    ids=["x86", "arm"],
)
def test_the_cpu_is_named_without_what_changes(tmp_path: Path, text: str, model: str) -> None:
    """Model and features of the first processor; never its clock, which is another every time."""
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_model(tmp_path / "cpuinfo") == model


def test_a_system_that_does_not_say_is_told_by_its_architecture(tmp_path: Path) -> None:
    """No /proc/cpuinfo is no error."""
    assert cpu_model(tmp_path / "none") == platform.machine()
