"""Cost of the process that supervises a scan, as a ratio to the same scan without it.

    python bench/supervision.py FOLDER [--count 1000] [--rounds 7]

Prints the figures of docs/performance.md. Both scan the same images as whole processes, in turn, so
that a machine whose speed drifts slows both alike; ratios are taken pair by pair, of the clock and
of the CPU time of all processes.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from pairs import Spread, repeat
from processes import Cost, run

SUPERVISED = ("-m", "cxr_edge")
ALONE = ("-c", "from cxr_edge.cli.app import app; app()")


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=1000, help="links to the images in FOLDER")
    parser.add_argument("--rounds", type=int, default=7, help="counted pairs, after one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        repeat(options.images, Path(scratch), options.count)

        def scan(start: tuple[str, ...]) -> Cost:
            out = f"{scratch}/report.csv"
            Path(out).unlink(missing_ok=True)
            command = (*start, "scan", f"{scratch}/images", "--runtime", "onnx", "--out", out)
            return run(sys.executable, *command)

        scan(SUPERVISED)  # tests and measures what is remembered from here on
        pairs = [(scan(SUPERVISED), scan(ALONE)) for _ in range(options.rounds)]
    print(f"{options.rounds} pairs of {options.count} images; supervised to not, and extremes")
    print(f"seconds     {Spread.of(one.seconds / other.seconds for one, other in pairs)}")
    print(f"CPU seconds {Spread.of(one.cpu / other.cpu for one, other in pairs)}")


if __name__ == "__main__":
    main()
