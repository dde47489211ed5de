"""The machine that a bundle is for, and whether this is one."""

import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cxr_edge.errors import BundleError
from cxr_edge.models.bundle.layout import BUNDLE_VERSION, FACTS


@dataclass(frozen=True)
class Target:
    """Machine that a bundle is for."""

    python: str
    """Version of Python, as ``3.11``."""
    machine: str
    """Processor, as ``aarch64``."""
    glibc: str
    """Oldest version of the C library that all wheels run with, as ``2.28``."""
    installed_bytes: int
    """Space that the installation takes."""

    @classmethod
    def read(cls, bundle: Path) -> Self:
        """Read it from a bundle that was checked.

        Raises
        ------
        BundleError
            The bundle was made by a newer version.
        """
        try:
            facts: Mapping[str, Any] = json.loads((bundle / FACTS).read_text("utf-8"))
            version = facts["bundle_version"]
            found = cls(*(facts[name] for name in cls.__dataclass_fields__))
        except (ValueError, KeyError, TypeError) as exc:
            raise BundleError(
                f"{FACTS}: expected the facts of a bundle as 'cxr bundle' writes them, got others; "
                "make the bundle again"
            ) from exc
        if version != BUNDLE_VERSION:
            raise BundleError(
                f"{FACTS}: expected bundle_version {BUNDLE_VERSION}, got {version!r}; use the "
                "install.sh of this bundle"
            )
        return found

    def require_this_machine(self) -> None:
        """Raise unless the bundle can be installed here.

        Raises
        ------
        BundleError
            Python, the processor or the C library is another.
        """
        here = platform.python_version()
        if here.rpartition(".")[0] != self.python or sys.implementation.name != "cpython":
            raise BundleError(
                f"expected Python {self.python}, got {sys.implementation.name} {here}; name "
                f"another with PYTHON=..., or make a bundle with 'cxr bundle --python'"
            )
        if sys.platform != "linux" or platform.machine() != self.machine:
            raise BundleError(
                f"expected a Linux machine with {self.machine}, got {sys.platform} with "
                f"{platform.machine()}; make a bundle for it with 'cxr bundle --platform'"
            )
        library, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "another").partition(" ")
        if library != "glibc" or _numbers(version) < _numbers(self.glibc):
            raise BundleError(
                f"expected the C library glibc {self.glibc} or newer, got {library} {version}; "
                "install a newer system, such as Debian 12 or Ubuntu 22.04"
            )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
