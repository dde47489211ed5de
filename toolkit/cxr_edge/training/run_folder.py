"""Folder of a training run: its files, and the settings that must stay the same."""

import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import keras

from cxr_edge import __version__
from cxr_edge.datasets.patient_split import split_digest
from cxr_edge.errors import UsageError
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.folder import obstacle
from cxr_edge.storage.system_names import names_in
from cxr_edge.system.printable import first_names
from cxr_edge.system.versions import version_of
from cxr_edge.training.config import FitConfig
from cxr_edge.training.run_files import CONFIG, SAMPLES, read_settings
from cxr_edge.training.training_data import TrainingData

_LIBRARIES: Final = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "opencv-python-headless")


def _libraries() -> Iterable[str]:
    """Return the distributions that a run depends on; that of a backend where it is in use."""
    return dict.fromkeys((*_LIBRARIES, keras.backend.backend()))


def check_run_folder(out: Path, *, resume: bool) -> None:
    """Check that a run folder can be made, or that an existing one may be written to.

    It is made once the images are known to be fit, so that a run that is refused leaves none.

    Raises
    ------
    UsageError
        It cannot be made, holds a run that is not to be resumed, or holds other files.
    """
    if (above := obstacle(out)) is not None:
        raise UsageError(
            f"--out: the run folder {out} cannot be made: {above} is not a folder to write to"
        )
    # --show-samples may have written the samples.
    there = [name for name in names_in(out) if name != SAMPLES] if out.exists() else []
    if there and CONFIG not in there:
        raise UsageError(
            f"--out: expected a new folder or the folder of a run, {out} has {first_names(there)} "
            f"and no {CONFIG}; name another folder"
        )
    if there and not resume:
        raise UsageError(
            f"--out: {out} holds a run already; continue it with --resume, or name another folder"
        )


def keep_settings(out: Path, config: FitConfig, data: TrainingData) -> None:
    """Write the settings of a run, or compare them with those in its folder.

    Raises
    ------
    UsageError
        The run in the folder was started with other options, images, labels or teachers, or with
        another split.
    DataError
        Its settings are damaged.
    """
    settings: dict[str, Any] = {
        "tool_version": __version__,
        "python": platform.python_version(),
        "libraries": {name: version for name in _libraries() if (version := version_of(name))},
        "data_sha256": data.images.digest,
        "split_sha256": split_digest(data.training, data.validation),
        "labels": list(data.images.classes),
        **config.to_dict(),
    }
    if config.training_input != config.input:
        settings["training_input"] = config.training_input.to_dict()
    if data.teachers:
        settings["teachers"] = list(data.teachers.names)
        settings["teacher_weight"] = data.teachers.weight
    if data.unlabelled:
        settings["unlabelled_sha256"] = data.unlabelled.digest
        settings["unlabelled_images"] = len(data.unlabelled.images)
    path = out / CONFIG
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, json.dumps(settings, indent=2) + "\n")
        return
    # An option that there was not yet when the run was started had its default.
    defaults, ours = (json.loads(json.dumps(each)) for each in (FitConfig().to_dict(), settings))
    theirs = defaults | read_settings(out)
    keys = [key for key in {**ours, **theirs} if key != "command"]
    different = [key for key in keys if theirs.get(key) != ours.get(key)]
    if different:
        changes = ", ".join(
            f"{key} {theirs.get(key)!r}, now {ours.get(key)!r}" for key in different
        )
        raise UsageError(
            f"--resume: the run in {out} was started with other settings ({changes}); give the "
            "same options and data, or start a run in another folder"
        )
