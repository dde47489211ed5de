"""Networks trained on the same images and validated on those that look like the other class.

    python bench/sweep.py DATA --out sweep [--external DATA] [--seeds 1 2 3] [--best 5]
        [--jobs 4] [--workers 2] [--styles CSV] [--teacher MODEL] [VARIANT ...]

Runs ``cxr train DATA --validate styles`` for each variant and seed and writes a table; see
docs/training.md. With ``--best N``, every variant gets the first seed, and the N best by their
counter-style AUC get the others. A run that was interrupted goes on where it stopped, one that is
finished is not repeated, and one that fails leaves the others alone. Each column answers another
question, and they disagree, so choose by all of them: counter-style images show what a split by
patient hides, and ``--external`` images are of another hospital.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_edge.metrics.roc import auc

SENSITIVITY = 0.98
FITTED = (
    "--epochs 12 --patience 12 --monitor val_auc --averaging 0.995 "
    "--learning-rate 0.002 --weight-decay 0.01"
)
CROPS = f"{FITTED} --crop-area 0.35"
MIXED = f"{CROPS} --style-mixing 0.4"
SMALL = "--architecture plain --image-size 128"
TUNED = f"{MIXED} --learning-rate 0.0005"
STUDY = (
    "--channels 3 --patience 5 --optimizer adam --schedule constant --learning-rate 0.001 "
    "--imbalance none --label-smoothing 0.0 --augmentation study-2021 --no-calibrate"
)

VARIANTS = {
    "plain-128": f"{SMALL} {MIXED}",
    "plain-128-mild": f"{SMALL} {FITTED}",
    "plain-128-crops": f"{SMALL} {CROPS}",
    "plain-128-crops-20": f"{SMALL} {MIXED} --crop-area 0.2",
    "plain-128-crops-60": f"{SMALL} {MIXED} --crop-area 0.6",
    "plain-128-transfer": f"{SMALL} {MIXED} --style-transfer 0.25",
    "plain-128-local": f"{SMALL} {MIXED} --local-contrast",
    "plain-128-local-transfer": f"{SMALL} {MIXED} --local-contrast --style-transfer 0.25",
    "plain-128-local-crops": f"{SMALL} {CROPS} --local-contrast",
    "plain-128-local-long": f"{SMALL} {MIXED} --local-contrast --epochs 30 --patience 30",
    "plain-128-local-single": f"{SMALL} {MIXED} --local-contrast --averaging 0",
    "plain-128-local-focal": f"{SMALL} {MIXED} --local-contrast --imbalance focal",
    "plain-128-local-taught": f"{SMALL} {MIXED} --local-contrast --teacher {{teacher}}",
    "plain-160": f"--architecture plain --image-size 160 {MIXED}",
    "plain-160-local": f"--architecture plain --image-size 160 {MIXED} --local-contrast",
    "plain-192-local": f"--architecture plain --image-size 192 {MIXED} --local-contrast",
    "twin-128": f"--architecture twin --image-size 128 {MIXED} --style-transfer 0.25",
    "edge-128": f"--architecture edge --image-size 128 {MIXED}",
    "edge-128-local": f"--architecture edge --image-size 128 {MIXED} --local-contrast",
    "edge-224": f"--architecture edge {MIXED}",
    "cnn-pooled-64": f"--architecture cnn-pooled --image-size 64 {MIXED}",
    "mobilenet-128": f"--architecture mobilenet-v3-small --image-size 128 {TUNED}",
    "lite0-128": f"--architecture efficientnet-lite0 --image-size 128 {TUNED}",
    "study-dense": f"{STUDY} --architecture dense",
    "study-dense-deep": f"{STUDY} --architecture dense-deep",
    "study-cnn": f"{STUDY} --architecture cnn --image-size 48",
    "study-cnn-pooled": f"{STUDY} --architecture cnn-pooled --image-size 64",
}
"""Name of a network and its training to the options of ``cxr train``."""

COLUMNS = ("counter-style AUC", f"specificity at {SENSITIVITY:g}", "easy AUC", "external AUC")


@dataclass(frozen=True)
class Result:
    """Figures of one run."""

    counter: float
    """AUC of the counter-style negatives against the positives that are not counter-style."""
    specificity: float
    """Share of these negatives below the threshold that keeps 98 % of these positives."""
    easy: float
    """AUC of the images that are not counter-style, as a split by patient gives it."""
    external: float
    """AUC on images of another hospital; nan without."""

    @property
    def row(self) -> tuple[float, ...]:
        """The figures in the order of the columns."""
        return self.counter, self.specificity, self.easy, self.external


@dataclass(frozen=True)
class Sweep:
    """Where the runs lie, and what they have in common."""

    data: Path
    """Labelled images."""
    out: Path
    """Folder of the runs and of the table."""
    external: Path | None
    """Labelled images of another hospital."""
    styles: Path
    """Clusters of the images, so that each run holds out the same ones."""
    teacher: str
    """Model of the variants that learn from one."""
    workers: int
    """Processes of a run that augment images."""

    def run(self, name: str, seed: int) -> Result:
        """Train a variant, or go on with it, and return its figures; what it says is in a log.

        Raises
        ------
        SystemExit
            It cannot be trained; the message names the log.
        """
        run = self.out / f"{name}-seed-{seed}"
        words = ["cxr", "train", str(self.data), "--out", str(run), "--validate", "styles"]
        words += ["--styles", str(self.styles), "--workers", str(self.workers), "--resume"]
        given = [word.format(teacher=self.teacher) for word in VARIANTS[name].split()]
        print(f"{run}: its lines are in {log_of(run)}", file=sys.stderr, flush=True)
        logged([*words, "--seed", str(seed), *given], log_of(run))
        return result(run, self.external)


def log_of(run: Path) -> Path:
    """Return the log of a run, beside its folder."""
    return run.with_name(f"{run.name}.log")


def logged(words: list[str], log: Path) -> None:
    """Run a command that writes to the end of a log; SystemExit where it fails."""
    with log.open("a") as said:
        code = subprocess.run(words, check=False, stdout=said, stderr=said).returncode
    if code:
        done = " ".join(words[:2])
        sys.exit(f"{done} failed with exit code {code}; its last lines are in {log}")


def clusters(data: Path, out: Path) -> Path:
    """Return the file with the clusters of the images; 'cxr audit' writes it if it is missing."""
    found = out / "styles" / "styles.csv"
    if not found.exists():
        words = ["cxr", "audit", str(data), "--styles", str(found.parent), "--overwrite"]
        if code := subprocess.run(words, check=False).returncode:
            sys.exit(f"{data}: cxr audit failed with exit code {code}; mend what it says above")
    return found


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def result(run: Path, external: Path | None) -> Result:
    """Return the figures of a finished run, which has its predictions and clusters."""
    if not (run / "styles.csv").exists():
        sys.exit(f"{run}: the set could not be split by style, so there is nothing to compare by")
    found = rows(run / "predictions.csv")
    scores = np.array([float(row["probability"]) for row in found])
    beyond = evaluated(run, external) if external else float("nan")
    return figures(run, found, scores, beyond)


def figures(
    run: Path, found: list[dict[str, str]], scores: NDArray[np.float64], external: float
) -> Result:
    """Return the figures of scores, shape (N,), of the N images that the rows of a run name."""
    counter = {row["path"]: row["counter_style"] == "yes" for row in rows(run / "styles.csv")}
    positive_class = json.loads((run / "config.json").read_text())["labels"][1]
    positive = np.array([row["label"] == positive_class for row in found])
    odd = np.array([counter[row["path"]] for row in found])
    easy, hard = ~odd, (positive & ~odd) | (~positive & odd)
    for name, group in (("easy", easy), ("counter-style negative and easy positive", hard)):
        if len(set(positive[group])) < 2:
            sys.exit(
                f"{run}: expected {name} images of both classes to compare by, got one class or "
                "none; give images or clusters that have both"
            )
    threshold = np.quantile(scores[positive & easy], 1 - SENSITIVITY, method="lower")
    return Result(
        counter=auc(positive[hard], scores[hard]).value,
        specificity=float((scores[odd & ~positive] < threshold).mean()),
        easy=auc(positive[easy], scores[easy]).value,
        external=external,
    )


def evaluated(run: Path, data: Path) -> float:
    """Return the AUC of a finished run on other images, evaluated once for each set of them."""
    out = run.with_name(f"{run.name}-external")
    found, of = out / "evaluation.json", out / "data.txt"
    if not found.exists() or not of.exists() or of.read_text() != str(data.resolve()):
        words = ["cxr", "evaluate", str(data), "--model", str(run / "model.keras"), "-o", str(out)]
        logged([*words, "--overwrite"], log_of(run))
        of.write_text(str(data.resolve()))
    evaluation = json.loads(found.read_text())
    return float(evaluation["groups"][evaluation["group"]]["auc"]["value"])


def table(results: dict[str, list[Result]]) -> str:
    """Return Markdown: a row per variant, mean and standard deviation over the seeds."""
    lines = [("variant", "seeds", *COLUMNS), ("---",) * (2 + len(COLUMNS))]
    for name, found in results.items():
        cells = []
        for values in zip(*(one.row for one in found), strict=True):
            spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.4f}{spread}")
        lines.append((name, str(len(found)), *cells))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def run_all(
    sweep: Sweep, todo: list[tuple[str, int]], jobs: int, results: dict[str, dict[int, Result]]
) -> bool:
    """Train what is missing, several at a time, and write the table after each.

    Parameters
    ----------
    sweep
        What the runs have in common.
    todo
        Name of the variant and seed of each run.
    jobs
        Runs at the same time.
    results
        Figures by variant and seed, added to.

    Returns
    -------
    bool
        Whether all runs are finished; a message tells of each that failed.
    """
    whole = True
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(sweep.run, *each): each for each in todo}
        try:
            for done in as_completed(running):
                name, seed = running[done]
                if error := done.exception():
                    print(error, file=sys.stderr, flush=True)
                    whole = False
                    continue
                results.setdefault(name, {})[seed] = done.result()
                ordered = {
                    each: list(results[each].values()) for each in VARIANTS if each in results
                }
                text = table(ordered)
                (sweep.out / "table.md").write_text(text + "\n", encoding="utf-8")
                print(text, flush=True)
        except BaseException:  # above all an interruption: the runs that wait are not started
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return whole


def at_least_one(text: str) -> int:
    """Return a number of 1 or more."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {number}")
    return number


def main() -> None:
    """Train what is missing and print the table after each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("variants", nargs="*", default=list(VARIANTS), metavar="VARIANT")
    parser.add_argument("--out", type=Path, default=Path("sweep"))
    parser.add_argument("--external", type=Path, help="labelled images of another hospital")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument(
        "--best", type=at_least_one, metavar="N", help="variants that get all seeds"
    )
    parser.add_argument("--jobs", type=at_least_one, default=1, help="runs at the same time")
    parser.add_argument("--workers", type=int, default=1, help="of each cxr train")
    parser.add_argument("--styles", type=Path, help="styles.csv of 'cxr audit --styles'")
    parser.add_argument("--teacher", default="default", help="of variants that learn from one")
    options = parser.parse_intermixed_args()
    if unknown := [name for name in options.variants if name not in VARIANTS]:
        parser.error(f"expected variants {', '.join(VARIANTS)}, got {', '.join(unknown)}")
    for path in filter(None, (options.data, options.external, options.styles)):
        if not path.exists():
            parser.error(f"{path} does not exist; check the spelling")
    if options.out.exists() and not options.out.is_dir():
        parser.error(f"--out: expected a folder, got the file {options.out}")
    options.out.mkdir(parents=True, exist_ok=True)
    sweep = Sweep(
        options.data,
        options.out,
        options.external,
        options.styles or clusters(options.data, options.out),
        options.teacher,
        options.workers,
    )
    results: dict[str, dict[int, Result]] = {}
    first, *others = dict.fromkeys(options.seeds)  # twice the same would share a folder
    todo = [(name, first) for name in dict.fromkeys(options.variants)]
    try:
        whole = run_all(sweep, todo, options.jobs, results)
        best = sorted(results, key=lambda name: -results[name][first].counter)[: options.best]
        more = [(name, seed) for seed in others for name in best]
        whole = run_all(sweep, more, options.jobs, results) and whole
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        sys.exit(130)
    if not whole:
        sys.exit(1)


if __name__ == "__main__":
    main()
