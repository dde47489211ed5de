"""Start-up of the command, as a ratio to what its libraries alone take to import.

    python bench/startup.py [--runs 15]

Commands run in turn, A B A B ..., as whole processes, so that a machine whose speed drifts
slows both alike; the ratio is taken pair by pair.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "samples" / "phantom-normal.jpg"
IMPORTS = [sys.executable, "-c", "import numpy, cv2, onnxruntime"]


def seconds(command: list[str]) -> float:
    """Run a command and return how long it took."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="counted runs, after one warm-up")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        report = str(Path(folder) / "report.csv")
        cxr = [sys.executable, "-m", "cxr_edge"]
        commands = {
            "python -c 'import numpy, cv2, onnxruntime'": IMPORTS,
            "cxr scan, one image": [*cxr, "scan", str(SAMPLE), "--out", report],
            "cxr --help": [*cxr, "--help"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(runs + 1):
            for name, command in commands.items():
                Path(report).unlink(missing_ok=True)
                took = seconds(command)
                if run:
                    times[name].append(took)
    base = next(iter(times.values()))
    print(f"{runs} runs each, in turn, after one warm-up; whole processes, seconds")
    print(f"{'':44} {'min':>6} {'median':>7} {'max':>6}   ratio to the first, pair by pair")
    for name, values in times.items():
        ratios = sorted(value / other for value, other in zip(values, base, strict=True))
        print(
            f"{name:44} {min(values):6.3f} {statistics.median(values):7.3f} {max(values):6.3f}"
            f"   {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


if __name__ == "__main__":
    main()
