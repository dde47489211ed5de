"""Time that JPEG decoding at reduced scale saves, and changes of a model's answers by it.

    python bench/reduced.py FOLDER [--model default]

Prints the figures of docs/performance.md.

Each JPEG image below FOLDER is decoded as recipe cxr-1 has it, at 1/2, 1/4 or 1/8 as long as both
sides stay at least twice the model's input, and at full size; both are stretched to the model's
input and scored. Images that are too small to be reduced are the same both ways and only counted.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.models.open import open_artefact
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import discover
from cxr_edge.runtimes.batches import run_in_batches


def timed(work: Callable[[], NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], float]:
    """Return what the work gives and the CPU milliseconds that it took."""
    start = time.thread_time()
    result = work()
    return result, 1e3 * (time.thread_time() - start)


def main() -> None:
    """Print times and differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    model = open_artefact(options.model, device="cpu")
    spec = model.spec.input
    images, times, scores, grays = 0, [], [], []
    for item in discover([options.folder]):
        data = item.file.read_bytes()
        try:
            decoded = decode(data, spec)
        except ImageError:
            continue
        images += 1
        if decoded.pixels.shape == (decoded.source.height, decoded.source.width):
            continue
        reduced, fast = timed(lambda data=data: preprocess(decode(data, spec), spec))
        full, slow = timed(lambda data=data: preprocess(decode(data), spec))
        times.append((fast, slow))
        grays.append(np.abs(reduced.astype(int) - full).mean())
        scores.append(run_in_batches(model.runtime, np.stack([reduced, full]), 1).scores.tolist())
    print(f"{images} images, {len(scores)} of them decoded at reduced scale; {model.tag}")
    if not scores:
        return
    values = np.array(scores)
    delta = np.abs(values[:, 0] - values[:, 1])
    fast, slow = (statistics.median(side) for side in zip(*times, strict=True))
    print(f"decode and stretch, median CPU ms: {fast:.2f} reduced, {slow:.2f} full")
    print(f"gray levels changed: mean {np.mean(grays):.2f}, worst image {np.max(grays):.2f}")
    print(f"|dp|: max {delta.max():.4f}, mean {delta.mean():.5f}")
    for point in model.spec.operating_points:
        decision = Decision.of(model.spec, point.name)
        flips = sum(decision.label(one) != decision.label(other) for one, other in scores)
        print(
            f"labels changed at {point.name}: {flips} ({100 * flips / images:.2f} % of all images)"
        )


if __name__ == "__main__":
    main()
