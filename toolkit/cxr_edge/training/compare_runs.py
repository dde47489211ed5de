"""Several training runs side by side, in one table and one picture."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_edge.errors import DataError, UsageError
from cxr_edge.evaluation.figures import Figures, figures
from cxr_edge.evaluation.markdown import table
from cxr_edge.evaluation.plots import draw_roc
from cxr_edge.evaluation.predictions import PREDICTIONS, Predictions, read_predictions
from cxr_edge.metrics.operating_points import SCREENING, STUDY
from cxr_edge.notice import NOTICE
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.training.config import OF_A_SEED
from cxr_edge.training.history import read_history
from cxr_edge.training.run_folder import CONFIG, MODEL

TABLE: Final = "compare.md"
PICTURE: Final = "compare.png"


@dataclass(frozen=True)
class Run:
    """What a run folder says of itself."""

    name: str
    """Of the folder."""
    spec: ModelSpec
    """Of its model."""
    config: dict[str, Any]
    """Its settings."""
    command: str
    """That made it, but for the folder."""
    architecture: str
    """Name in the registry."""
    seed: int
    """Of weights, sampling and augmentation."""
    epochs: int
    """Finished."""
    minutes: float
    """They took."""
    predictions: Predictions
    """Of its validation images."""
    figures: Figures
    """Of the same images."""


def read_run(folder: Path, name: str = "") -> Run:
    """Read the folder of a finished run; ``name`` is what it is called, the folder's without.

    Raises
    ------
    DataError
        It is none.
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


def compare(folders: Sequence[Path], out: Path) -> str:
    """Write ``compare.md`` and ``compare.png`` of runs and return the tables.

    Parameters
    ----------
    folders
        Run folders.
    out
        Folder for the two files; created.

    Raises
    ------
    DataError
        One is no finished run.
    UsageError
        ``out`` cannot be written.
    """
    runs = [read_run(root.path, root.prefix) for root in resolve_roots(folders)]
    text = "\n\n".join([runs_table(runs), *seeds_tables(runs), *_caution(runs)])
    curves = {
        f"{run.name}, AUC {run.figures.auc}": (run.predictions.labels, run.predictions.scores)
        for run in runs
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        draw_roc(curves, None, out / PICTURE)
        report = (
            f"# Runs compared\n\n{NOTICE}\n\n{text}\n\n![ROC curves]({PICTURE})\n\n"
            f"## Commands\n\n{commands(runs)}\n"
        )
        (out / TABLE).write_text(report, encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror}") from exc
    return text


def runs_table(runs: Sequence[Run]) -> str:
    """Return one row a run, figures on its validation images, intervals of 95 %."""
    rows = []
    for run in runs:
        study, screening = (run.figures.point(name) for name in (STUDY, SCREENING))
        count = run.spec.provenance.parameters if run.spec.provenance else None
        rows.append(
            (
                run.name, run.architecture, count and f"{count:,}",
                "x".join(map(str, run.spec.input.shape)), run.seed, run.epochs,
                f"{run.minutes:.1f}", run.figures.auc, study.accuracy, study.sensitivity,
                study.specificity, screening.sensitivity, screening.specificity,
            )
        )  # fmt: skip
    return table(
        (
            "run", "architecture", "parameters", "input", "seed", "epochs", "minutes", "AUC",
            "accuracy at 0.5", "recall at 0.5", "specificity at 0.5", "recall at screening",
            "specificity at screening",
        ),
        rows,
    )  # fmt: skip


def commands(runs: Sequence[Run]) -> str:
    """Return a list of the commands that made the runs, but for the folders that they wrote."""
    return "\n".join(f"- {run.name}: `{run.command}`" for run in runs)


def seeds_tables(runs: Sequence[Run]) -> list[str]:
    """Return mean and standard deviation over seeds, of runs alike in all other settings."""
    alike: dict[str, dict[int, Run]] = defaultdict(dict)
    for run in runs:
        settings = {key: value for key, value in run.config.items() if key not in OF_A_SEED}
        alike[json.dumps(settings, sort_keys=True)][run.seed] = run
    several = [list(seeds.values()) for seeds in alike.values() if len(seeds) > 1]
    if not several:
        return []
    rows = [(members[0].architecture, len(members), *_spreads(members)) for members in several]
    columns = (
        "architecture", "seeds", "AUC", "accuracy at 0.5", "recall at 0.5", "specificity at 0.5",
    )  # fmt: skip
    return ["Mean and standard deviation over seeds:", table(columns, rows)]


def _spreads(runs: Sequence[Run]) -> list[str]:
    columns = np.array([_key_figures(run) for run in runs]).T
    return [f"{column.mean():.4f} ± {column.std(ddof=1):.4f}" for column in columns]


def _key_figures(run: Run) -> tuple[float, ...]:
    point = run.figures.point(STUDY)
    found = (run.figures.auc, point.accuracy, point.sensitivity, point.specificity)
    return tuple(interval.value for interval in found if interval)


def _caution(runs: Sequence[Run]) -> list[str]:
    if len({tuple(sorted(run.predictions.names)) for run in runs}) == 1:
        return []
    return ["The runs were validated on different images: do not hold their figures together."]
