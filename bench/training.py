"""Time of a training step, by architecture, without and with large memory pages.

    python bench/training.py [--rounds 3] [ARCHITECTURE ...]

A step is 32 films of 224 x 224, forward, backward and AdamW. TensorFlow asks the C library for
large tensors again and again, and the kernel clears each page anew; with large pages there are
512 times fewer. Each round is a process of its own, in turn, so that a machine whose speed drifts
slows both alike.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TUNABLE = "glibc.malloc.hugetlb=1"
STEPS = 6
BATCH = 32
PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def seconds_a_step(architecture: str) -> float:
    """Build a network and return the mean time of a few steps, after two to warm up."""
    import keras
    import numpy as np

    from cxr_edge.spec import InputSpec
    from cxr_edge.training.architectures import build

    spec = InputSpec()
    model = build(architecture, spec)
    model.compile(keras.optimizers.AdamW(1e-4), loss="binary_crossentropy")
    rng = np.random.default_rng(0)
    films = rng.integers(0, 256, (BATCH, *spec.shape), np.uint8)
    labels = rng.integers(0, 2, (BATCH, 1)).astype(np.float32)
    for _ in range(2):
        model.train_on_batch(films, labels)
    start = time.perf_counter()
    for _ in range(STEPS):
        model.train_on_batch(films, labels)
    return (time.perf_counter() - start) / STEPS


def in_process(architecture: str, tunables: str) -> float:
    """Return the same, of a new process with this ``GLIBC_TUNABLES``."""
    environment = {**os.environ, "GLIBC_TUNABLES": tunables, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, __file__, "--step", architecture],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architectures", nargs="*", default=["edge", "efficientnet-lite0"])
    parser.add_argument("--rounds", type=int, default=3, help="processes of each kind")
    parser.add_argument("--step", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(seconds_a_step(*options.architectures))
        return
    if PAGES.exists():
        print(f"large pages of this kernel: {PAGES.read_text().strip()}")
    print(f"{options.rounds} processes each, in turn; seconds a step of {BATCH} films, medians")
    print(f"{'':20} {'plain':>6}   {TUNABLE}   ratio, pair by pair")
    for architecture in options.architectures:
        pairs = [
            (in_process(architecture, ""), in_process(architecture, TUNABLE))
            for _ in range(options.rounds)
        ]
        plain, large = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratios = sorted(second / first for first, second in pairs)
        print(
            f"{architecture:20} {plain:6.2f}   {large:{len(TUNABLE)}.2f}   "
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


if __name__ == "__main__":
    main()
