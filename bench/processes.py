"""What a whole process takes: time, CPU time and memory."""

import subprocess
import sys
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
    """What one process took."""

    seconds: float
    """By the clock."""
    cpu: float
    """Seconds of all its threads."""
    megabytes: float
    """Most that was resident."""


def run(*command: str, runs: int = 1) -> Cost:
    """Run a command to its end, and return the least that it took."""
    if runs > 1:
        costs = [run(*command) for _ in range(runs)]
        return Cost(
            min(c.seconds for c in costs),
            min(c.cpu for c in costs),
            min(c.megabytes for c in costs),
        )
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, *command], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"expected exit code 0, got {done.returncode} from {' '.join(command)}")
    seconds, cpu, kilobytes = done.stdout.split()
    return Cost(float(seconds), float(cpu), int(kilobytes) / 1024)
