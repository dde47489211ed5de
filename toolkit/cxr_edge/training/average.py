"""One network from several runs that differ in the seed alone: the mean of their weights."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from cxr_edge.data.films import list_training_films
from cxr_edge.data.filmset import load_films, split_by_patient, split_digest, write_split
from cxr_edge.errors import DataError, UsageError
from cxr_edge.spec import InputSpec, ModelSpec
from cxr_edge.training.batches import Batches
from cxr_edge.training.conclude import conclude
from cxr_edge.training.config import OF_A_SEED, FitConfig
from cxr_edge.training.runfolder import CONFIG, MODEL, SPLIT, claim, keep_settings

_NORM_BATCHES: Final = 64
"""Batches of training films from which the statistics of batch norms are taken anew."""


def average(runs: Sequence[Path], data: Path, out: Path, name: str = "") -> ModelSpec:
    """Write a run folder with the mean of the weights of several runs.

    Networks that were fine-tuned from the same weights lie close enough to each other for their
    mean to be as good as their ensemble, at the cost of one (M. Wortsman et al.: Model soups,
    ICML 2022). The statistics of batch norms, which are no weights, are taken anew from augmented
    training films; then the mean is calibrated and its operating points are chosen like those of
    any run.

    Parameters
    ----------
    runs
        Finished run folders, alike in all but the seed.
    data
        The films that they were trained on.
    out
        The run folder to write; new.
    name
        Of the model; that of the first run without.

    Raises
    ------
    UsageError
        There are fewer than two seeds, the runs differ in more, or the films are others.
    DataError
        A folder is no finished run.
    """
    settings = [_read_settings(run) for run in runs]
    config = _common(settings, runs, name)
    listed = list_training_films(data)
    claim(out, resume=False)
    films = load_films(listed, config.input)
    training, validation = split_by_patient(films, config.split_seed, config.validation_fraction)
    if split_digest(training, validation) != settings[0]["split_sha256"]:
        raise UsageError(f"expected the films that the runs were trained on, {data} has others")
    keep_settings(out, config, films, training, validation)
    write_split(out / SPLIT, training, validation)
    models = [keras.saving.load_model(run / MODEL, compile=False, safe_mode=True) for run in runs]
    weights = zip(*(model.get_weights() for model in models), strict=True)
    mean = models[0]
    mean.set_weights([np.mean(parts, axis=0) for parts in weights])
    refresh_norms(mean, Batches(training, config))
    seeds = ", ".join(str(seed) for seed in config.averaged)
    story = f"The weights are the mean of those of {len(runs)} runs, with the seeds {seeds}."
    return conclude(mean, films, training, validation, out, config, story)


def refresh_norms(model: keras.Model, batches: Batches) -> None:
    """Take the mean and variance of every batch norm from films, not from the weights' history."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for step in range(min(_NORM_BATCHES, len(batches)) if norms else 0):
        for norm in norms:
            norm.momentum = step / (step + 1)  # the mean over the batches so far
        model(batches[step][0], training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _read_settings(run: Path) -> dict[str, Any]:
    try:
        if not (run / MODEL).is_file():
            raise FileNotFoundError(run / MODEL)
        return dict(json.loads((run / CONFIG).read_text(encoding="utf-8")))
    except (OSError, ValueError) as exc:
        raise DataError(
            f"{run}: expected the folder of a finished run, with {MODEL} and {CONFIG}; make one "
            "with 'cxr train'"
        ) from exc


def _common(settings: Sequence[dict[str, Any]], runs: Sequence[Path], name: str) -> FitConfig:
    """Return the settings of the mean, the seeds listed."""
    first = settings[0]
    for other, run in zip(settings, runs, strict=True):
        keys = first.keys() | other.keys()
        different = [
            key for key in keys if key not in OF_A_SEED and first.get(key) != other.get(key)
        ]
        if different:
            raise UsageError(
                f"expected runs that differ in the seed alone, {run} differs from {runs[0]} in "
                f"{', '.join(sorted(different))}"
            )
    seeds = tuple(one["seed"] for one in settings)
    if len(set(seeds)) < max(2, len(seeds)):
        raise UsageError(f"expected runs of several seeds, came {', '.join(map(str, seeds))}")
    known = {field.name for field in fields(FitConfig)}
    config = FitConfig(
        **{
            **{key: value for key, value in first.items() if key in known},
            "input": InputSpec(**first["input"]),
            "averaged": seeds,
        }
    )
    commands = "; ".join(str(one["command"]) for one in settings)
    command = f"cxr average DATA RUN..., the runs by: {commands}"
    return replace(
        config,
        name=name or config.name,
        command=command,
    )
