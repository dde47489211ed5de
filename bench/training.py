"""Time of a training step, by architecture, as it is and with other environment variables.

    python bench/training.py [--rounds 3] [--env NAME=VALUE ...] [ARCHITECTURE ...]

Prints the tables of docs/training.md and docs/study.md.

A step is 32 images of 224 x 224, forward, backward and AdamW. TensorFlow takes large tensors from
the C library and gives them back all the time, and the kernel clears their pages anew each time:
what an allocator that keeps them saves is what --env is for. Each round is a process of its own, in
turn, so that a machine whose speed drifts slows all alike.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

STEPS = 6
BATCH = 32


def seconds_a_step(architecture: str) -> float:
    """Build a network and return the mean time of a few steps, after two to warm up."""
    import keras
    import numpy as np

    from cxr_edge.spec.input_spec import InputSpec
    from cxr_edge.training.architectures import build_network

    spec = InputSpec()
    model = build_network(architecture, spec)
    model.compile(keras.optimizers.AdamW(1e-4), loss="binary_crossentropy")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, *spec.shape), np.uint8)
    labels = rng.integers(0, 2, (BATCH, 1)).astype(np.float32)
    for _ in range(2):
        model.train_on_batch(images, labels)
    start = time.perf_counter()
    for _ in range(STEPS):
        model.train_on_batch(images, labels)
    return (time.perf_counter() - start) / STEPS


def in_process(architecture: str, settings: dict[str, str]) -> float:
    """Return the same, of a new process with these environment variables."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", architecture], check=True, capture_output=True,
        text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **settings},
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architectures", nargs="*", default=["edge", "efficientnet-lite0"])
    parser.add_argument("--rounds", type=int, default=3, help="processes of each kind")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="to try")
    parser.add_argument("--step", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(seconds_a_step(*options.architectures))
        return
    kinds = {"as it is": {}} | {text: dict([text.split("=", 1)]) for text in options.env}
    print(f"{options.rounds} processes each, in turn; seconds per step of {BATCH} images")
    for architecture in options.architectures:
        taken = [
            [in_process(architecture, settings) for settings in kinds.values()]
            for _ in range(options.rounds)
        ]
        print(architecture)
        for name, seconds in zip(kinds, zip(*taken, strict=True), strict=True):
            ratios = sorted(one / first for one, (first, *_) in zip(seconds, taken, strict=True))
            print(
                f"  {statistics.median(seconds):6.2f}   {statistics.median(ratios):.2f} "
                f"({ratios[0]:.2f} to {ratios[-1]:.2f})   {name}"
            )


if __name__ == "__main__":
    main()
