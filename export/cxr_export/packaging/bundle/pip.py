"""pip, called as a program: it has no other interface."""

import importlib.util
import re
import subprocess
import sys
from typing import Final

from cxr_edge.errors import BundleError

_NO_WHEEL: Final = re.compile(r"No matching distribution found for (\S+)")
_NO_NETWORK: Final = re.compile(r"Retrying \(Retry|NewConnectionError|Name or service not known")


class NoWheel(BundleError):
    """No wheel fits; ``requirement`` says of what."""

    def __init__(self, requirement: str) -> None:
        super().__init__(f"no wheel of {requirement} was found")
        self.requirement = requirement


def run_pip(command: str, *words: object) -> None:
    """Run pip, with the settings of the user.

    Raises
    ------
    NoWheel
        A distribution has no version, or no wheel, as asked.
    BundleError
        pip is not installed, cannot reach an index, or fails for another reason.
    """
    if importlib.util.find_spec("pip") is None:
        raise BundleError(
            "cxr bundle downloads wheels with pip, which is not installed here: "
            f"{sys.executable} -m ensurepip"
        )
    options = ("--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2")
    done = subprocess.run(  # noqa: S603  (our own words)
        [sys.executable, "-m", "pip", command, *options, *map(str, words)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.returncode:
        return
    if _NO_NETWORK.search(done.stderr):
        raise BundleError(
            "no package index can be reached; a bundle is made on a machine with internet, and "
            "installed on one without"
        )
    if found := _NO_WHEEL.search(done.stderr):
        raise NoWheel(found[1])
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    raise BundleError(f"pip {command} failed: {(errors or done.stderr.splitlines() or ['?'])[-1]}")
