"""Time per image of a package's artefacts on one core, one image at a time.

    python bench/latency.py [--runs 200]

Prints the tables of docs/parity.md and docs/benchmark.md.

The process is bound to one core before anything is loaded. Artefacts take turns image by image, so
that a machine whose speed drifts slows all alike; the ratio is taken pair by pair.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import numpy as np


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200, help="counted runs, after ten warm-ups")
    parser.add_argument("--model", default="default", help="package to time")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from cxr_edge.models.locate import DEFAULT, default_package
    from cxr_edge.models.open import open_artefact
    from cxr_edge.models.package import FORMATS

    package = default_package() if options.model == DEFAULT else Path(options.model)
    files = [kind.file for kind in FORMATS.values() if (package / kind.file).is_file()]
    models = {name: open_artefact(str(package / name), device="cpu") for name in files}
    taken: dict[str, list[float]] = {name: [] for name in models}
    rng = np.random.default_rng(0)
    for number in range(options.runs + 10):
        for name, model in models.items():
            image = rng.integers(0, 256, (1, *model.spec.input.shape), np.uint8)
            start = time.perf_counter()
            model.runtime.run(image)
            if number >= 10:
                taken[name].append(time.perf_counter() - start)
    first = next(iter(taken.values()))
    print(f"{options.runs} images each, in turn, on one core; milliseconds per image")
    print(f"{'':20} {'min':>7} {'median':>7} {'p95':>7}   ratio to the first, image by image")
    for name, seconds in taken.items():
        ratios = [one / other for one, other in zip(seconds, first, strict=True)]
        low, median, high = (
            1e3 * value for value in (min(seconds), statistics.median(seconds),
                                      statistics.quantiles(seconds, n=20)[-1])
        )  # fmt: skip
        print(f"{name:20} {low:7.2f} {median:7.2f} {high:7.2f}   {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
