"""What this machine lets the process use."""

import os


def usable_cpus() -> int:
    """Return how many CPUs this process may use, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
