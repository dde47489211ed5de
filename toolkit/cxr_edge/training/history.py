"""History of a run, one row per epoch; the best epoch and the end follow from it."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cxr_edge.errors import DataError

HISTORY: Final = "history.csv"
"""File with one row per epoch; an epoch is finished when its row is written."""


def read_history(run: Path) -> list[dict[str, float]]:
    """Return the rows of the finished epochs; none if the run has not started.

    Raises
    ------
    DataError
        The history is damaged.
    """
    path = run / HISTORY
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [
                {key: float(value) for key, value in row.items()} for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, TypeError) as exc:
        raise DataError(f"{path}: expected the history of a run, it is damaged: {exc}") from exc
    if [row.get("epoch") for row in rows] != list(range(1, len(rows) + 1)):
        raise DataError(f"{path}: expected epochs without gaps; start the run in another folder")
    return rows


def best_epoch(history: Sequence[Mapping[str, float]], monitor: str) -> int:
    """Return the first epoch, from 1, with the best figure; 0 if no figure is finite."""
    sign = -1 if monitor == "val_loss" else 1
    scored = [
        (sign * row[monitor], -row["epoch"]) for row in history if math.isfinite(row[monitor])
    ]
    return int(-max(scored)[1]) if scored else 0


def is_over(history: Sequence[Mapping[str, float]], monitor: str, patience: int) -> bool:
    """Tell whether the best of these epochs is ``patience`` epochs old, or training diverged."""
    if not history:
        return False
    if math.isnan(history[-1]["loss"]):
        return True
    first, last = int(history[0]["epoch"]), int(history[-1]["epoch"])
    return last - max(best_epoch(history, monitor), first - 1) >= patience
