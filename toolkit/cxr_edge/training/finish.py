"""End of a training run: calibrated model file, image list, predictions and report."""

from pathlib import Path

import keras

from cxr_edge.datasets.style_file import write_styles
from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.evaluation.predictions import PREDICTIONS, write_predictions
from cxr_edge.evaluation.stated_groups import stated_groups
from cxr_edge.evaluation.style_groups import easy_auc
from cxr_edge.evaluation.worst_group import worst_of
from cxr_edge.metrics.roc import auc
from cxr_edge.metrics.stability import deciles
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.validation import BY_DATA_SET, BY_FOLDS, BY_PATIENTS, BY_STYLES
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.training.calibrate import calibrate
from cxr_edge.training.config import FitConfig
from cxr_edge.training.report import write_report
from cxr_edge.training.run_files import MODEL, REPORT, STYLES
from cxr_edge.training.training_data import TrainingData
from cxr_edge.training.validation import DEFAULT_OPERATING_POINT, Validated


def finish(
    model: keras.Model,
    data: TrainingData,
    validated: Validated,
    out: Path,
    config: FitConfig,
    summary: str,
) -> ModelSpec:
    """Calibrate a network and write model, image list, predictions and report.

    Parameters
    ----------
    model
        A fitted network; its last layer is changed where it is calibrated.
    data
        Images of the run.
    validated
        Validated images and what was decided by them: those held out, or all images where each was
        scored by the network of its fold.
    out
        The run folder. The model is written last: a run that has one is finished.
    config
        Settings of the run.
    summary
        A sentence on the epochs, for the report.

    Returns
    -------
    ModelSpec
        Spec with operating points and figures from the validated images.
    """
    training, images = data.training, validated.images
    calibrate(model, validated.platt)
    overall = auc(images.labels, validated.scores)
    groups = validated.groups
    spec = ModelSpec(
        name=config.name,
        labels=data.images.classes,
        input=config.input,
        operating_points=validated.points,
        default_operating_point=DEFAULT_OPERATING_POINT,
        review_band=validated.review_band,
        provenance=Provenance(
            architecture=config.architecture,
            data=config.data,
            data_sha256=data.images.digest,
            command=config.command,
            seed=config.seed,
            validation_fraction=1 / config.folds if config.folds else config.validation_fraction,
            training_films=len(training.images),
            training_patients=training.patient_count,
            validation_films=len(images.images),
            validation_patients=images.patient_count,
            validation_auc=overall,
            parameters=model.count_params(),
            teachers=data.teachers.names if data.teachers else (),
            unlabelled_images=len(data.unlabelled.images) if data.unlabelled else 0,
            validated_by=_how(data, config),
            prior=validated.prior,
            worst_group=worst_of(groups, overall),
            easy_auc=easy_auc(images.labels, validated.scores, validated.styles),
            groups=stated_groups(groups),
            teacher_overlap=data.teacher_overlap,
            score_deciles=deciles(validated.scores),
        ),
    )
    learned_from = training.sha256 + (data.unlabelled.sha256 if data.unlabelled else ())
    TrainingImages.of(learned_from, data.validation.sha256, data.images.digest).write(out)
    write_predictions(out / PREDICTIONS, images, validated.scores)
    if validated.styles:
        write_styles(out / STYLES, images, validated.styles)
    write_report(out / REPORT, spec, summary, validated, calibrated=config.calibrate)
    with atomic_write(out / MODEL) as unfinished:
        model.save(unfinished)
        append_spec(unfinished, spec)
    return spec


def _how(data: TrainingData, config: FitConfig) -> str:
    """Return how the run was validated; a fold alone is a split by patient."""
    if not config.holds_out:
        return BY_FOLDS
    if data.images.says_split:
        return BY_DATA_SET
    return BY_STYLES if data.styles else BY_PATIENTS
