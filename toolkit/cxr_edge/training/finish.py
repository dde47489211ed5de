"""End of a training run: calibration, operating points, model file and report."""

from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.style_table import write_styles
from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.evaluation.predictions import PREDICTIONS, write_predictions
from cxr_edge.evaluation.shifts import CLEAN, shifted
from cxr_edge.metrics.operating_points import SCREENING, choose_operating_points
from cxr_edge.metrics.roc import auc
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.training.calibrate import fit_platt, fold
from cxr_edge.training.config import FitConfig
from cxr_edge.training.report import write_report
from cxr_edge.training.run_folder import MODEL, REPORT, STYLES
from cxr_edge.training.training_data import TrainingData

DEFAULT_OPERATING_POINT: Final = SCREENING
"""Default of new models: a missed positive image costs more than a false positive."""

_BATCH: Final = 64


def finish(
    model: keras.Model, data: TrainingData, out: Path, config: FitConfig, summary: str
) -> ModelSpec:
    """Calibrate a network on the validation images and write model, image list and report.

    Parameters
    ----------
    model
        A fitted network; its last layer is changed where it is calibrated.
    data
        Images of the run.
    out
        The run folder. The model is written last: a run that has one is finished.
    config
        Settings of the run.
    summary
        A sentence on the epochs, for the report.

    Returns
    -------
    ModelSpec
        Spec with operating points and figures from the validation images.
    """
    training, validation = data.training, data.validation
    if config.calibrate:
        fold(model, fit_platt(validation.labels, _predict(model, validation.pixels)))
    copies = {name: _predict(model, pixels) for name, pixels in shifted(validation)}
    others = [scores for name, scores in copies.items() if name != CLEAN]
    spec = ModelSpec(
        name=config.name,
        labels=data.images.classes,
        input=config.input,
        operating_points=choose_operating_points(validation.labels, copies[CLEAN], others),
        default_operating_point=DEFAULT_OPERATING_POINT,
        provenance=Provenance(
            architecture=config.architecture,
            data=config.data,
            data_sha256=data.images.digest,
            command=config.command,
            seed=config.seed,
            validation_fraction=config.validation_fraction,
            training_films=len(training.images),
            training_patients=training.patient_count,
            validation_films=len(validation.images),
            validation_patients=validation.patient_count,
            validation_auc=auc(validation.labels, copies[CLEAN]),
            parameters=model.count_params(),
            teachers=data.teachers.names if data.teachers else (),
            unlabelled_images=len(data.unlabelled.images) if data.unlabelled else 0,
        ),
    )
    learned_from = training.sha256 + (data.unlabelled.sha256 if data.unlabelled else ())
    TrainingImages.of(learned_from, validation.sha256, data.images.digest).write(out)
    write_predictions(out / PREDICTIONS, validation, copies[CLEAN])
    if data.styles:
        write_styles(out / STYLES, validation, data.styles)
    write_report(out / REPORT, spec, summary, validation.labels, copies, data.styles)
    _save(model, spec, out)
    return spec


def _save(model: keras.Model, spec: ModelSpec, out: Path) -> None:
    with atomic_write(out / MODEL) as unfinished:
        model.save(unfinished)
        append_spec(unfinished, spec)


def _predict(model: keras.Model, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(model.predict(pixels, batch_size=_BATCH, verbose=0)[:, 0], np.float32)
