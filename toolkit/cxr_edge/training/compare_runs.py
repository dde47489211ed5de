"""Several training runs side by side, in one table and one picture."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_edge.errors import DataError, UsageError
from cxr_edge.evaluation.figures import ConfusionMatrix, Figures, figures
from cxr_edge.evaluation.plots import draw_roc
from cxr_edge.evaluation.predictions import PREDICTIONS, Predictions, read_predictions
from cxr_edge.evaluation.tables import FigureTable, figure_table
from cxr_edge.notice import CAUTION, RESEARCH_USE
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import FIXED, SCREENING, OperatingPoint
from cxr_edge.spec.validation import NOT_MEASURED, WorstGroup
from cxr_edge.storage.atomic import atomic_write, write_text_atomically
from cxr_edge.storage.local import LOCAL
from cxr_edge.system.progress import track
from cxr_edge.training.config import OF_A_SEED
from cxr_edge.training.history import read_history
from cxr_edge.training.run_files import CONFIG, MODEL

TABLE: Final = "compare.md"
PICTURE: Final = "compare.png"
WORST: Final = "worst group"
ALL_IMAGES: Final = "AUC of all images"
"""Titles where a run was measured by appearance."""

SEEDS_TITLE: Final = "Mean and standard deviation over seeds:"


@dataclass(frozen=True)
class Run:
    """One finished training run."""

    name: str
    """Name of its folder."""
    spec: ModelSpec
    """Spec of its model."""
    config: dict[str, Any]
    """Settings of the run, as in its ``config.json``."""
    command: str
    """Command that made it, but for the folders."""
    architecture: str
    """Name of the network in the registry."""
    seed: int
    """Seed of weights, sampling and augmentation."""
    epochs: int
    """Count of finished epochs."""
    minutes: float
    """Time that the epochs took."""
    predictions: Predictions
    """Predictions of its validation images."""
    figures: Figures
    """Figures of the same images."""

    @property
    def worst(self) -> WorstGroup | None:
        """Group by appearance that the run is judged by; None where that was not measured."""
        return self.spec.provenance.worst_group if self.spec.provenance else None

    @property
    def remark(self) -> str:
        """Words that its figures do not stand without; empty without any."""
        caution = self.spec.provenance.caution if self.spec.provenance else ""
        return "; ".join(filter(None, ("" if self.worst else NOT_MEASURED, caution)))

    @property
    def at_half(self) -> ConfusionMatrix:
        """Confusion matrix of the validation images at threshold 0.5."""
        fixed = (OperatingPoint(FIXED, 0.5),)
        return figures(self.predictions.labels, self.predictions.scores, fixed).points[0]


@dataclass(frozen=True)
class RunComparison:
    """Training runs side by side, on their validation images."""

    runs: tuple[Run, ...]
    """The runs."""
    table: FigureTable
    """One row per run, intervals of 95 %."""
    seeds: FigureTable | None
    """Mean and standard deviation over the seeds of runs alike in all other settings; None where
    there are no such runs."""

    @property
    def remarks(self) -> str:
        """A line for each run whose figures do not stand alone; empty without any."""
        return "\n".join(f"- {run.name}: {run.remark}." for run in self.runs if run.remark)

    @property
    def caution(self) -> str:
        """Warning where the figures are of different images; empty otherwise."""
        if len({tuple(sorted(run.predictions.names)) for run in self.runs}) == 1:
            return ""
        return "The runs were validated on different images: their figures are not comparable."

    @property
    def data_warning(self) -> str:
        """Warning where runs had different data sets, by their digests; empty otherwise."""
        by_data: dict[str, list[str]] = defaultdict(list)
        for run in self.runs:
            by_data[str(run.config.get("data_sha256"))].append(run.name)
        if len(by_data) == 1:
            return ""
        sets = "; ".join(", ".join(names) for names in by_data.values())
        return f"The runs had different data sets: {sets}. Their figures are not comparable."

    @property
    def notice(self) -> str:
        """The research-use notice, for several models."""
        return f"{RESEARCH_USE} All figures are measured on validation images. {CAUTION}"

    @property
    def markdown(self) -> str:
        """The report of the comparison."""
        seeds = [SEEDS_TITLE, self.seeds.markdown] if self.seeds else []
        commands = "\n".join(f"- {run.name}: `{run.command}`" for run in self.runs)
        parts = [
            "# Runs compared", self.notice, self.table.markdown, *seeds,
            self.remarks, self.data_warning, self.caution,
            f"![ROC curves]({PICTURE})", "## Commands", commands,
        ]  # fmt: skip
        return "\n\n".join(filter(None, parts)) + "\n"


def read_run(folder: Path, name: str = "") -> Run:
    """Read the folder of a finished run.

    Parameters
    ----------
    folder
        The run folder.
    name
        Name of the run; that of the folder by default.

    Raises
    ------
    DataError
        It is not the folder of a finished run.
    """
    try:
        spec = read_appended_spec((folder / MODEL).read_bytes(), str(folder))
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        history = read_history(folder)
        predictions = read_predictions(folder / PREDICTIONS, spec.labels)
        return Run(
            name=name or folder.resolve().name,
            spec=spec,
            config=config,
            command=config["command"],
            architecture=config["architecture"],
            seed=config["seed"],
            epochs=len(history),
            minutes=sum(row["seconds"] for row in history) / 60,
            predictions=predictions,
            figures=figures(predictions.labels, predictions.scores, spec.operating_points),
        )
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise DataError(
            f"{folder}: expected the folder of a finished run, with {MODEL} and {CONFIG}; "
            "make one with 'cxr train'"
        ) from exc


def compare(folders: Sequence[Path], out: Path) -> RunComparison:
    """Compare runs and write ``compare.md`` and ``compare.png``.

    Parameters
    ----------
    folders
        Run folders.
    out
        Folder for the two files; created.

    Raises
    ------
    DataError
        One is not the folder of a finished run.
    UsageError
        ``out`` cannot be written.
    """
    roots = track(resolve_roots(folders, LOCAL), "reading runs")
    runs = [read_run(Path(root.where), root.prefix) for root in roots]
    found = RunComparison(tuple(runs), _runs_table(runs), _seeds_table(runs))
    curves = {_legend(run): (run.predictions.labels, run.predictions.scores) for run in runs}
    try:
        out.mkdir(parents=True, exist_ok=True)
        with atomic_write(out / PICTURE) as picture:
            draw_roc(curves, None, picture)
        write_text_atomically(out / TABLE, found.markdown)
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror}") from exc
    return found


def _legend(run: Run) -> str:
    worst = f"{run.worst.auc} worst group, " if run.worst else ""
    return f"{run.name}, AUC {worst}{run.figures.auc}{' all images' if run.worst else ''}"


def _runs_table(runs: Sequence[Run]) -> FigureTable:
    rows = []
    measured = any(run.worst for run in runs)
    for run in runs:
        half, screening = run.at_half, run.figures.point(SCREENING)
        count = run.spec.provenance.parameters if run.spec.provenance else None
        rows.append(
            (
                run.name, run.architecture, count and f"{count:,}",
                "x".join(map(str, run.spec.input.shape)), run.seed, run.epochs,
                f"{run.minutes:.1f}", *_areas(run, measured=measured), half.accuracy,
                half.sensitivity, half.specificity, screening.sensitivity, screening.specificity,
            )
        )  # fmt: skip
    areas = (WORST, f"AUC of {WORST}", ALL_IMAGES) if measured else ("AUC",)
    return figure_table(
        (
            "run", "architecture", "parameters", "input", "seed", "epochs", "minutes", *areas,
            "accuracy at 0.5", "recall at 0.5", "specificity at 0.5", "recall at screening",
            "specificity at screening",
        ),
        rows,
    )  # fmt: skip


def _areas(run: Run, *, measured: bool) -> tuple[object, ...]:
    """Return the AUC that a run is judged by, and that of all images; or the latter alone."""
    if not measured:
        return (run.figures.auc,)
    worst = run.worst
    return (worst and worst.name, worst and worst.auc, run.figures.auc)


def _seeds_table(runs: Sequence[Run]) -> FigureTable | None:
    alike: dict[str, dict[int, Run]] = defaultdict(dict)
    for run in runs:
        settings = {key: value for key, value in run.config.items() if key not in OF_A_SEED}
        alike[json.dumps(settings, sort_keys=True)][run.seed] = run
    several = [list(seeds.values()) for seeds in alike.values() if len(seeds) > 1]
    if not several:
        return None
    measured = any(run.worst for run in runs)
    titles = (f"AUC of {WORST}", ALL_IMAGES) if measured else ("AUC",)
    columns = (
        "architecture", "seeds", *titles, "accuracy at 0.5", "recall at 0.5", "specificity at 0.5",
    )  # fmt: skip
    rows = [
        (members[0].architecture, len(members), *_spreads(members, measured=measured))
        for members in several
    ]
    return figure_table(columns, rows)


def _spreads(runs: Sequence[Run], *, measured: bool) -> list[str | None]:
    """Return mean and standard deviation of each key figure; None where a run lacks it."""
    columns = zip(*(_key_figures(run, measured=measured) for run in runs), strict=True)
    return [_spread([area.value for area in column if area], len(runs)) for column in columns]


def _spread(values: Sequence[float], count: int) -> str | None:
    if len(values) < count:
        return None
    return f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"


def _key_figures(run: Run, *, measured: bool) -> tuple[Interval | None, ...]:
    half, worst = run.at_half, run.worst
    judged = (worst and worst.auc,) if measured else ()
    return (*judged, run.figures.auc, half.accuracy, half.sensitivity, half.specificity)
