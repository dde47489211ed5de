"""Images of a training run: all of them, and the two sides of their split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.patient_split import FEW, doubt, require_enough, split_by_patient
from cxr_edge.training.config import FitConfig


@dataclass(frozen=True)
class TrainingData:
    """Images of a run, split by patient."""

    images: ImageSet
    """All images that could be read."""
    training: ImageSet
    """Images to learn from."""
    validation: ImageSet
    """Images to stop, calibrate and choose thresholds by."""


def load_training_data(
    listed: Sequence[LabelledImage],
    classes: Classes,
    config: FitConfig,
    *,
    skip_unreadable: bool,
    say: Callable[[str], None],
) -> TrainingData:
    """Load and split images, and say how many there are.

    Raises
    ------
    DataError
        As :func:`cxr_edge.datasets.image_set.load_images`,
        :func:`cxr_edge.datasets.patient_split.split_by_patient` and
        :func:`cxr_edge.datasets.patient_split.require_enough`.
    """
    images = load_images(listed, classes, config.input, skip_unreadable=skip_unreadable)
    training, validation = split_by_patient(images, config.split_seed, config.validation_fraction)
    require_enough(images, validation, config.validation_fraction)
    for file in images.unreadable:
        say(f"left out, unreadable: {file}")
    say(
        f"training: {len(training.images)} images of {training.patient_count} patients; "
        f"validation: {len(validation.images)} images of {validation.patient_count} patients; "
        f"{images.duplicates} exact duplicates left out"
    )
    fewest = int(np.bincount(validation.labels).min())
    if fewest < FEW:
        say(
            f"warning: {fewest} validation images of a class are too few to choose a model by; "
            f"{doubt(fewest)}"
        )
    return TrainingData(images, training, validation)
