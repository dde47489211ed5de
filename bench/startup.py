"""Start-up of ``cxr``, as a ratio to what its libraries alone take to import.

    python bench/startup.py [--runs 15] [--against CHECKOUT]

Prints the tables of docs/benchmark.md.

Whole processes run in turn, A B A B ..., so that a machine whose speed drifts slows all alike;
ratios are taken pair by pair. CPU time says more than the clock on a machine that does other things
too. ``--against`` also runs another checkout of this repository, and compares this one with it.
Each checkout remembers in a cache of its own.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pairs import Spread
from processes import Cost, run

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "phantom-normal.jpg"


@dataclass(frozen=True)
class Timed:
    """A command that is timed."""

    title: str
    """Name in the table."""
    words: tuple[str, ...]
    """Arguments of Python."""
    checkout: Path
    """Repository whose ``cxr`` it runs."""

    def cost(self, scratch: Path) -> Cost:
        """Run it once, without the report of the run before."""
        (scratch / "report.csv").unlink(missing_ok=True)
        environment = {
            "PYTHONPATH": str(self.checkout / "toolkit"),
            "XDG_CACHE_HOME": str(scratch / self.checkout.name),
        }
        return run(sys.executable, *self.words, environment=environment)


def commands(checkout: Path, scratch: Path) -> list[Timed]:
    """Return the commands of a checkout."""
    cxr = ("-m", "cxr_edge")
    # By onnxruntime, which the imports load too: auto may choose differently in two checkouts.
    scan = ("scan", str(SAMPLE), "--runtime", "onnx", "--out", str(scratch / "report.csv"))
    return [
        Timed("cxr scan, one image", (*cxr, *scan), checkout),
        Timed("cxr --help", (*cxr, "--help"), checkout),
    ]


def compare(title: str, first: Sequence[Cost], second: Sequence[Cost]) -> str:
    """Return a line: the CPU time and the clock of the second to those of the first."""
    cpu = Spread.of(two.cpu / one.cpu for one, two in zip(first, second, strict=True))
    clock = Spread.of(two.seconds / one.seconds for one, two in zip(first, second, strict=True))
    return f"{title:44} {cpu!s:>22} {clock!s:>22}"


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="counted runs, after two warm-ups")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="to compare with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        imports = "import numpy, cv2, onnxruntime"
        timed = [Timed(f"python -c '{imports}'", ("-c", imports), ROOT)]
        timed += commands(ROOT, scratch)
        others = commands(options.against.resolve(), scratch) if options.against else []
        costs: dict[Timed, list[Cost]] = {}
        for number in range(options.runs + 2):  # the first one measures, and remembers
            for one in (*timed, *others):
                cost = one.cost(scratch)
                if number >= 2:
                    costs.setdefault(one, []).append(cost)
    print(f"{options.runs} runs each, in turn; whole processes, medians")
    print(f"{'':44} {'CPU s':>10} {'clock s':>10}")
    for one in timed:
        cpu = statistics.median(cost.cpu for cost in costs[one])
        clock = statistics.median(cost.seconds for cost in costs[one])
        print(f"{one.title:44} {cpu:10.3f} {clock:10.3f}")
    print(f"\n{'ratio to the imports alone, pair by pair':44} {'CPU':>22} {'clock':>22}")
    for one in timed[1:]:
        print(compare(one.title, costs[timed[0]], costs[one]))
    if others:
        print(f"\n{'ratio to the other checkout, pair by pair':44} {'CPU':>22} {'clock':>22}")
        for one, other in zip(timed[1:], others, strict=True):
            print(compare(one.title, costs[other], costs[one]))


if __name__ == "__main__":
    main()
