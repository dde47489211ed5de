"""CPU time per image and memory of ``cxr scan`` as the folder grows.

    python bench/scale.py FOLDER [--count 2000] [--times 10] [OPTION OF cxr scan ...]

Prints the table of docs/performance.md.

The images below FOLDER are repeated by links, to ``--count`` files and to ``--times`` as many. Both
are scanned by whole processes. CPU time is that of all threads, start-up taken off as what one
image takes; it says more than the clock on a machine that does other things too.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from pairs import repeat
from processes import Cost, run


def main() -> None:
    """Print rates, CPU time per image and peaks, and how the larger folder compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=2000, help="images of the smaller folder")
    parser.add_argument("--times", type=int, default=10, help="times as many in the larger one")
    options, more = parser.parse_known_args()
    counts = (1, options.count, options.times * options.count)
    with tempfile.TemporaryDirectory() as scratch:
        costs: dict[int, Cost] = {}
        for count in counts:
            folder = Path(scratch) / str(count)
            repeat(options.images, folder, count)
            scan = [sys.executable, "-m", "cxr_edge", "scan", str(folder / "images"), *more]
            if count == 1:
                run(*scan, "--fresh", "--out", f"{scratch}/first.csv")  # measures and remembers
            costs[count] = run(*scan, "--out", f"{scratch}/{count}.csv")
    start, *both = (costs[count] for count in counts)
    each = [
        (1e3 * (cost.cpu - start.cpu) / count, count / (cost.seconds - start.seconds), cost)
        for count, cost in zip(counts[1:], both, strict=True)
    ]
    print(f"{'images':>7} {'images/s':>8} {'CPU ms per image':>16} {'peak MB':>8}")
    for count, (cpu, rate, cost) in zip(counts[1:], each, strict=True):
        print(f"{count:7} {rate:8.1f} {cpu:16.2f} {cost.megabytes:8.0f}")
    (cpu, _, less), (cpu_more, _, most) = each
    print(f"ratio   {'':8} {cpu_more / cpu:16.3f} {most.megabytes / less.megabytes:8.3f}")


if __name__ == "__main__":
    main()
