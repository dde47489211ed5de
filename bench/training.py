"""Time of a training step, by architecture, as it is and with other environment variables.

    python bench/training.py [--rounds 3] [--env NAME=VALUE ...] [ARCHITECTURE ...]
    python bench/training.py [ARCHITECTURE ...] --workers 0 1 2 [--side 128] [--teacher MODEL]

Prints the tables of docs/training.md and docs/study.md.

A step is 32 images of 224 x 224, forward, backward and AdamW. TensorFlow takes large tensors from
the C library and gives them back all the time, and the kernel clears their pages anew each time:
what an allocator that keeps them saves is what --env is for. Each round is a process of its own, in
turn, so that a machine whose speed drifts slows all alike.

With --workers it prints images per second instead: of batches alone, made by so many processes from
random pixels with crops and style mixing, and of the network that learns from them. The network
alone learns from one batch that is there already.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext

STEPS = 6
BATCH = 32
FED = 24
"""Batches of a measurement with --workers."""


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


def images_a_second(
    architecture: str, side: int, workers: int, teacher: str | None
) -> tuple[float, float, float]:
    """Return the images per second of the network alone, of batches alone, and of both together."""
    import keras
    import numpy as np

    from cxr_edge.spec.input_spec import InputSpec
    from cxr_edge.training.architectures import build_network
    from cxr_edge.training.batch_maker import BatchMaker, Source
    from cxr_edge.training.batch_workers import BatchWorkers
    from cxr_edge.training.batches import Batches
    from cxr_edge.training.config import FitConfig
    from cxr_edge.training.teachers import Teachers

    config = FitConfig(input=InputSpec(side, side), crop_area=0.35, style_mixing=0.4)
    rng = np.random.default_rng(0)
    shape = (BATCH * FED, *config.training_input.shape)
    teachers = Teachers.open([teacher], ("NORMAL", "PNEUMONIA"), 0.8) if teacher else None
    pixels = rng.integers(0, 256, shape, np.uint8)
    source = Source(pixels, np.arange(len(pixels)) % 2, teachers=teachers)
    model = build_network(architecture, config.input)
    model.compile(keras.optimizers.AdamW(1e-4), loss="binary_crossentropy")
    one = BatchMaker(source, config).make(0, 0)
    model.train_on_batch(one.pixels, one.targets)
    found = [timed(lambda: [model.train_on_batch(one.pixels, one.targets) for _ in range(FED)])]
    kind = BatchWorkers(source, config, workers) if workers else None
    with kind or nullcontext(BatchMaker(source, config)) as maker:
        maker.make(0, 0)
        found.append(timed(lambda: [maker.make(1, index) for index in range(FED)]))
        batches = Batches(maker, epoch=2, threads=not workers)
        model.fit(batches, epochs=1, shuffle=False, verbose=0)
        found.append(timed(lambda: model.fit(batches, epochs=1, shuffle=False, verbose=0)))
    alone, made, both = found
    return alone, made, both


def timed(work: Callable[[], object]) -> float:
    """Return the images per second of some work on all images."""
    start = time.perf_counter()
    work()
    return BATCH * FED / (time.perf_counter() - start)


def in_process(words: list[str], settings: dict[str, str]) -> list[float]:
    """Return the numbers that a new process prints, with these environment variables."""
    done = subprocess.run(
        [sys.executable, __file__, *words], check=True, capture_output=True,
        text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **settings},
    )  # fmt: skip
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


def print_feeding(options: argparse.Namespace) -> None:
    """Print the images per second of network, batches and both."""
    teacher = ["--teacher", options.teacher] if options.teacher else []
    print(f"images per second, {options.side} x {options.side} pixels, batches of {BATCH}")
    print("network alone  batches alone  together   --workers")
    for architecture in options.architectures:
        print(architecture)
        for workers in options.workers:
            words = ["--feed", "--side", str(options.side), "--workers", str(workers), *teacher]
            rounds = [in_process([architecture, *words], {}) for _ in range(options.rounds)]
            alone, made, both = (statistics.median(one) for one in zip(*rounds, strict=True))
            print(f"{alone:13.0f}  {made:13.0f}  {both:8.0f}   {workers}", flush=True)


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architectures", nargs="*", default=["edge", "efficientnet-lite0"])
    parser.add_argument("--rounds", type=int, default=3, help="processes of each kind")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="to try")
    parser.add_argument("--step", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, nargs="+", help="processes that make batches")
    parser.add_argument("--side", type=int, default=128, help="side of the input, with --workers")
    parser.add_argument("--teacher", help="model to learn from, with --workers")
    parser.add_argument("--feed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(seconds_a_step(*options.architectures))
        return
    if options.feed:
        settings = (options.side, *options.workers, options.teacher)
        print(*images_a_second(*options.architectures, *settings))
        return
    if options.workers:
        print_feeding(options)
        return
    kinds = {"as it is": {}} | {text: dict([text.split("=", 1)]) for text in options.env}
    print(f"{options.rounds} processes each, in turn; seconds per step of {BATCH} images")
    for architecture in options.architectures:
        taken = [
            [in_process(["--step", architecture], settings)[0] for settings in kinds.values()]
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
