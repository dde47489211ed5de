"""Out-of-fold figures of runs with folds, and of the mean of their logits.

    python bench/out_of_fold.py TEACHER-RUN [TEACHER-RUN ...] [--student RUN]

Every image was scored by networks that did not see its patient. The runs have the same images and
folds. The mean is what the runs teach a network that names all of them as ``--teacher``; see
docs/training.md.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sweep import COLUMNS, Result, figures, rows

from cxr_edge.metrics.calibration import logit


def scored(run: Path, order: list[str]) -> NDArray[np.float64]:
    """Return the out-of-fold logits of a run, shape (N,), in the order of the paths."""
    found = {row["path"]: float(row["probability"]) for row in rows(run / "out-of-fold.csv")}
    return np.asarray(logit(np.array([found[path] for path in order])), np.float64)


def main() -> None:
    """Print a table: a row per run, one of the mean, and one of the student."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="TEACHER-RUN")
    parser.add_argument("--student", type=Path, help="run that learned from them")
    options = parser.parse_args()
    first = options.runs[0]
    images = rows(first / "out-of-fold.csv")
    order = [row["path"] for row in images]
    logits = {run.name: scored(run, order) for run in options.runs}
    logits["mean of these"] = np.mean(list(logits.values()), axis=0)
    if options.student:
        logits[f"{options.student.name}, taught"] = scored(options.student, order)
    print(f"| run | {' | '.join(COLUMNS[:-1])} |\n|{' --- |' * len(COLUMNS)}")
    for name, values in logits.items():
        found: Result = figures(first, images, values, float("nan"))
        print(f"| {name} | {' | '.join(f'{figure:.4f}' for figure in found.row[:-1])} |")


if __name__ == "__main__":
    main()
