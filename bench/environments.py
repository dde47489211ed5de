"""Python environments of the peers: made once, kept in a folder, no part of the project."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """Distributions that are installed, in exact versions."""

    name: str
    """Name of its folder."""
    requirements: Sequence[str]
    """Requirements as pip takes them."""
    unwanted: Sequence[str] = ()
    """Distributions that come with them and are taken out again."""

    def folder(self, below: Path) -> Path:
        """Return where it is; other versions lie in another folder."""
        content = "\n".join([sys.version, *self.requirements, *self.unwanted])
        return below / f"{self.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"

    def python(self, below: Path) -> Path:
        """Return its interpreter, making the environment where it is not there yet."""
        folder = self.folder(below)
        python = folder / "bin" / "python"
        whole = folder / "whole"
        if whole.exists():
            return python
        print(f"environment {self.name}: installing {', '.join(self.requirements)}", flush=True)
        start = time.perf_counter()
        shutil.rmtree(folder, ignore_errors=True)  # half of one, left by a run that was stopped
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        run([sys.executable, "-m", "venv", str(folder)])
        run([*pip, "install", "--quiet", *self.requirements])
        if self.unwanted:
            run([*pip, "uninstall", "--quiet", "--yes", *self.unwanted])
        whole.touch()
        size = sum(path.lstat().st_size for path in folder.rglob("*"))
        print(f"environment {self.name}: {time.perf_counter() - start:.0f} s, {size / 1e9:.2f} GB")
        return python


def run(command: Sequence[str], **variables: str) -> str:
    """Run a command of another environment and return what it printed.

    Parameters
    ----------
    command
        Program and arguments.
    variables
        Set for it; what leads Python or pip to this environment is not passed on.

    Raises
    ------
    SystemExit
        It failed; the end of what it said is printed.
    """
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_CONSTRAINT"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment | variables,
    )  # fmt: skip
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{said}")
    return done.stdout
