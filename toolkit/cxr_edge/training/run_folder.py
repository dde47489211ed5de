"""The folder of one training run: who may write to it, and what must stay the same in it."""

import json
import platform
from pathlib import Path
from typing import Any, Final

from cxr_edge import __version__
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.patient_split import split_digest
from cxr_edge.errors import DataError, UsageError
from cxr_edge.models.package import ORIGINAL
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.system.printable import first_names
from cxr_edge.system.versions import version_of
from cxr_edge.training.config import FitConfig

MODEL: Final = ORIGINAL
CONFIG: Final = "config.json"
SPLIT: Final = "split.csv"
CURVES: Final = "curves.png"
SAMPLES: Final = "samples.png"
REPORT: Final = "report.md"
TENSORBOARD: Final = "tensorboard"

_LIBRARIES: Final = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "opencv-python-headless")


def claim(out: Path, *, resume: bool) -> None:
    """Make a run folder, or check that an existing one may be written to.

    Raises
    ------
    UsageError
        It cannot be made, holds a run that is not to be resumed, or files that are of no run.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        # The samples may have been looked at before; hidden files are nobody's.
        there = sorted(
            path.name for path in out.iterdir() if path.name != SAMPLES and path.name[0] != "."
        )
    except OSError as exc:
        raise UsageError(f"--out: the run folder {out} cannot be made: {exc.strerror}") from exc
    if there and CONFIG not in there:
        raise UsageError(
            f"--out: expected a new folder or that of a run, {out} has {first_names(there)} and no "
            f"{CONFIG}; name another folder"
        )
    if there and not resume:
        raise UsageError(
            f"--out: {out} holds a run already; go on with it by --resume, or name another folder"
        )


def keep_settings(
    out: Path, config: FitConfig, images: ImageSet, training: ImageSet, validation: ImageSet
) -> None:
    """Write all that is needed to repeat a run, or hold it against what is there.

    Raises
    ------
    UsageError
        The run in the folder was started with other options, images, labels or sides.
    DataError
        What is there is damaged.
    """
    settings: dict[str, Any] = {
        "tool_version": __version__,
        "python": platform.python_version(),
        "libraries": {name: version for name in _LIBRARIES if (version := version_of(name))},
        "data_sha256": images.digest,
        "split_sha256": split_digest(training, validation),
        "labels": list(images.classes),
        **config.to_dict(),
    }
    path = out / CONFIG
    if not path.exists():
        write_text_atomically(path, json.dumps(settings, indent=2) + "\n")
        return
    try:
        theirs = dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as exc:
        raise DataError(
            f"{path}: expected the settings of a run, they are damaged: {exc}; start the run in "
            "another folder"
        ) from exc
    ours = json.loads(json.dumps(settings))
    different = [key for key in ours if key != "command" and theirs.get(key) != ours[key]]
    if different:
        changes = ", ".join(f"{key} {theirs.get(key)!r}, now {ours[key]!r}" for key in different)
        raise UsageError(
            f"--resume: the run in {out} was started otherwise: {changes}; give the same options "
            "and data, or start a run in another folder"
        )
