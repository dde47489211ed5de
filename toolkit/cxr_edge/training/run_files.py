"""Files of a run folder, by name; Keras is not loaded for that."""

import json
from pathlib import Path
from typing import Any, Final

from cxr_edge.errors import DataError
from cxr_edge.models.package import ORIGINAL

MODEL: Final = ORIGINAL
CONFIG: Final = "config.json"
SPLIT: Final = "split.csv"
CURVES: Final = "curves.png"
SAMPLES: Final = "samples.png"
STYLES: Final = "styles.csv"
REPORT: Final = "report.md"
TENSORBOARD: Final = "tensorboard"


def has_folds(run: Path) -> bool:
    """Return whether a folder is that of a run with folds."""
    return (run / CONFIG).is_file() and (run / "fold-1").is_dir()


def read_settings(run: Path) -> dict[str, Any]:
    """Return the settings of a run by name, from its folder; raises DataError if damaged."""
    path = run / CONFIG
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as exc:
        raise DataError(
            f"{path}: expected the settings of a run, they are damaged: {exc}; start the run in "
            "another folder"
        ) from exc
