"""Cost of a whole process: time by the clock, CPU time and memory."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

# The peak of a process counts what the one that started it had in memory, so a small one does.
LAUNCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""


@dataclass(frozen=True)
class Cost:
    """Cost of one process."""

    seconds: float
    """Seconds by the clock."""
    cpu: float
    """CPU seconds of all its threads."""
    megabytes: float
    """Peak of its resident memory."""


def run(*command: str, runs: int = 1, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, and return the least that it took.

    Parameters
    ----------
    command
        Program and arguments.
    runs
        Times that it is run.
    environment
        Variables that are set for it, besides those of this process.

    Raises
    ------
    SystemExit
        It failed.
    """
    costs = [_run(command, {**os.environ, **(environment or {})}) for _ in range(runs)]
    return Cost(
        min(cost.seconds for cost in costs),
        min(cost.cpu for cost in costs),
        min(cost.megabytes for cost in costs),
    )


def _run(command: tuple[str, ...], environment: Mapping[str, str]) -> Cost:
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, *command],
        stdout=subprocess.PIPE, text=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"expected exit code 0, got {done.returncode} from {' '.join(command)}")
    seconds, cpu, kilobytes = done.stdout.split()
    return Cost(float(seconds), float(cpu), int(kilobytes) / 1024)
