"""Platforms that bundles can be made for, and why not for others."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from packaging.markers import Environment, default_environment

from cxr_edge.errors import UsageError

_OLDEST_GLIBC: Final = 17
_NEWEST_GLIBC: Final = 39


@dataclass(frozen=True)
class Platform:
    """A kind of machine with a version of Python."""

    machine: str
    """Processor, as ``aarch64``."""
    python: str
    """Version of Python, as ``3.11``."""

    @property
    def name(self) -> str:
        """Name on the command line."""
        return f"linux-{self.machine}"

    @property
    def tags(self) -> list[str]:
        """Platform tags of its wheels, the oldest C library first, which pip prefers then."""
        newer = [f"manylinux_2_{minor}" for minor in range(_OLDEST_GLIBC, _NEWEST_GLIBC + 1)]
        return [f"{tag}_{self.machine}" for tag in (*_OLD_TAGS[self.machine], *newer)]

    @property
    def markers(self) -> Environment:
        """Values of the environment markers of requirements there (PEP 508)."""
        return default_environment() | Environment(
            implementation_name="cpython",
            implementation_version=f"{self.python}.0",
            os_name="posix",
            platform_machine=self.machine,
            platform_python_implementation="CPython",
            platform_release="",
            platform_system="Linux",
            platform_version="",
            python_full_version=f"{self.python}.0",
            python_version=self.python,
            sys_platform="linux",
        )


_OLD_TAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "aarch64": ("manylinux2014",),
    "x86_64": ("manylinux1", "manylinux2010", "manylinux2014"),
}
"""Names of before PEP 600, by processor."""

PLATFORMS: Final = tuple(f"linux-{machine}" for machine in _OLD_TAGS)
"""Names of the platforms."""

_ARM32: Final = re.compile(r"arm(v[5-8]l|hf|el|)$|armv?[67]")


def find_platform(name: str, python: str) -> Platform:
    """Return a platform by its name and a version of Python.

    Raises
    ------
    UsageError
        There are no wheels for it.
    """
    if not re.fullmatch(r"3\.(1[1-9]|[2-9]\d)", python):
        raise UsageError(f"--python: expected 3.11 or newer, as 3.11, got {python}")
    if name in PLATFORMS:
        return Platform(name.removeprefix("linux-"), python)
    why = ""
    if _ARM32.search(name):
        why = (
            ": there are no wheels of onnxruntime, OpenCV, imagecodecs or LiteRT for 32-bit ARM; "
            "install a 64-bit system on the device (a Raspberry Pi 3, 4 or 5 runs one), and use "
            "linux-aarch64"
        )
    raise UsageError(f"--platform: expected {' or '.join(PLATFORMS)}, got {name}{why}")


_GLIBC: Final = re.compile(r"manylinux_2_(\d+)_")
_OLD_GLIBC: Final = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


def oldest_glibc(tags: list[str]) -> int:
    """Return the minor version of the oldest glibc 2 that a wheel with these tags runs with."""
    return min(
        int(found[1]) if (found := _GLIBC.match(tag)) else _OLD_GLIBC.get(tag.partition("_")[0], 0)
        for tag in tags
    )
