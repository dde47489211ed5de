"""Images of a training run: all of them, and the two sides of their split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.clustering import find_styles
from cxr_edge.datasets.folds import folds_of
from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.labelled_image import LabelledImage, unnamed_patients
from cxr_edge.datasets.patient_split import FEW, doubt, require_enough, split_by_patient
from cxr_edge.datasets.style_file import read_styles
from cxr_edge.datasets.style_split import split_by_style
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError, UsageError
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.teacher_overlap import TeacherOverlap
from cxr_edge.system.progress import stage
from cxr_edge.training.batch_maker import Source
from cxr_edge.training.config import FitConfig
from cxr_edge.training.imagenet_features import FEATURE_INPUT, imagenet_features
from cxr_edge.training.teachers import Teachers


@dataclass(frozen=True)
class TrainingData:
    """Images of a run, split by patient."""

    images: ImageSet
    """All images that could be read."""
    training: ImageSet
    """Images to learn from, with the pixels that crops need."""
    validation: ImageSet
    """Images to stop, calibrate and choose thresholds by, as in a scan; none for the network of all
    folds."""
    styles: Styles | None = None
    """Clusters of the validation images, where the split holds counter-style images out."""
    unlabelled: ImageSet | None = None
    """Images of unknown class to learn from, with the pixels that crops need."""
    teachers: Teachers | None = None
    """Models to learn from; None to learn from the labels alone."""
    teacher_overlap: tuple[TeacherOverlap, ...] = ()
    """Teachers for which the figures of the run may be too good."""

    @property
    def source(self) -> Source:
        """Source of the batches."""
        unlabelled = self.unlabelled.pixels if self.unlabelled else None
        return Source(self.training.pixels, self.training.labels, unlabelled, self.teachers)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Path and reason of each file that was left out."""
        return self.images.unreadable + (self.unlabelled.unreadable if self.unlabelled else ())


def load_training_data(
    listed: Sequence[LabelledImage],
    classes: Classes,
    config: FitConfig,
    *,
    styles: Path | None = None,
    skip_unreadable: bool,
    say: Callable[[str], None],
) -> TrainingData:
    """Load and split images, and say how many there are.

    A set that cannot be split by style is split by patient, and it is said why.

    Parameters
    ----------
    listed, classes
        The images and their classes.
    config
        Settings of the run.
    styles
        Clusters of the images, as a CSV; None to look for them where the split needs them.
    skip_unreadable
        Leave unreadable images out instead of raising.
    say
        Prints one line.

    Raises
    ------
    UsageError
        The images are to be split by style or into folds, and have a split of their own.
    DataError
        As :func:`cxr_edge.datasets.image_set.load_images`,
        :func:`cxr_edge.datasets.style_file.read_styles`,
        :func:`cxr_edge.datasets.patient_split.split_by_patient` and
        :func:`cxr_edge.datasets.patient_split.require_enough`.
    """
    images = load_images(listed, classes, config.input, skip_unreadable=skip_unreadable)
    data = None
    if (config.validate == "styles" or config.folds) and images.says_split:
        option = "--folds" if config.folds else "--validate styles"
        raise UsageError(
            f"{option}: expected images without a split of their own, the manifest has one; leave "
            f"its column split out, or leave {option} out"
        )
    if config.folds:
        data = TrainingData(images, images, images.take([]))
    elif config.validate == "styles":
        find = _style_finder(images, styles)
        try:
            data = _by_style(images, find(), config)
        except DataError as exc:
            if config.prior is not None:
                raise UsageError(
                    f"--prior: expected images that can be split by style: {exc}, or leave --prior "
                    "out"
                ) from exc
            say(f"split by patient instead of by style: {exc}")
    if data is None:
        data = TrainingData(
            images, *split_by_patient(images, config.split_seed, config.validation_fraction)
        )
    if config.holds_out:
        require_enough(images, data.validation, config.validation_fraction)
    for file in images.unreadable:
        say(f"left out, unreadable: {file}")
    if unnamed := unnamed_patients(images.images):
        say(f"warning: {unnamed}")
    _tell_split(data, config, say)
    return replace(data, training=_with_pixels(data.training, config.training_input))


def fold_of(data: TrainingData, config: FitConfig, say: Callable[[str], None]) -> TrainingData:
    """Split the images of a run with folds for one of its folds, and say how many there are.

    Parameters
    ----------
    data
        Images of the network of all images; none is decoded again.
    config
        Settings of the fold.
    say
        Prints one line.

    Returns
    -------
    TrainingData
        Without teachers: those of a fold may be others.

    Raises
    ------
    DataError
        No image without a label is left.
    """
    held_out = (folds_of(data.images, config.folds, config.split_seed) == config.fold).tolist()
    training = data.training.where([not held for held in held_out])
    fold = TrainingData(data.images, training, data.images.where(held_out))
    _tell_split(fold, config, say)
    if data.unlabelled is None:
        return fold
    return replace(fold, unlabelled=_unknown_to(fold, data.unlabelled, say))


def _tell_split(data: TrainingData, config: FitConfig, say: Callable[[str], None]) -> None:
    training, validation = data.training, data.validation
    held_out = f"{len(validation.images)} images of {validation.patient_count} patients"
    say(
        f"training: {len(training.images)} images of {training.patient_count} patients; "
        f"validation: {held_out if config.holds_out else 'none'}; "
        f"{data.images.duplicates} exact duplicates left out"
    )
    if data.styles:
        counter = int(data.styles.counter.sum())
        say(f"split by style: all {counter} counter-style images are held out")
    fewest = int(np.bincount(validation.labels, minlength=2).min())
    if config.holds_out and fewest < FEW:
        say(
            f"warning: {fewest} validation images of a class are too few to choose a model by; "
            f"{doubt(fewest)}"
        )


def add_unlabelled(
    data: TrainingData,
    listed: Sequence[LabelledImage],
    config: FitConfig,
    *,
    skip_unreadable: bool,
    say: Callable[[str], None],
) -> TrainingData:
    """Load listed images of unknown class, and say how many there are.

    An image that is among the labelled ones, or whose file name tells a validation patient, is
    left out: validation would see what was trained on.

    Raises
    ------
    DataError
        As :func:`cxr_edge.datasets.image_set.load_images`; or no image is left.
    """
    images = load_images(
        listed, data.images.classes, config.training_input, skip_unreadable=skip_unreadable
    )
    for file in images.unreadable:
        say(f"left out, unreadable: {file}")
    return replace(data, unlabelled=_unknown_to(data, images, say))


def _unknown_to(data: TrainingData, images: ImageSet, say: Callable[[str], None]) -> ImageSet:
    """Return the images that are no labelled ones, and whose names tell no validation patient."""
    labelled, patients = set(data.images.sha256), set(data.validation.patients)
    fresh = [
        digest not in labelled and image.patient not in patients
        for image, digest in zip(images.images, images.sha256, strict=True)
    ]
    if not any(fresh):
        raise DataError(
            f"--unlabelled: expected images that are not labelled images too, all "
            f"{len(images.images)} are, or are of validation patients; name another folder"
        )
    say(
        f"unlabelled: {sum(fresh)} images; left out: {images.duplicates} exact duplicates, "
        f"{len(fresh) - sum(fresh)} labelled images or images of validation patients"
    )
    kept = images if all(fresh) else images.where(fresh)
    return replace(kept, unreadable=images.unreadable)


def _with_pixels(images: ImageSet, spec: InputSpec) -> ImageSet:
    """Return images with the pixels that ``spec`` describes, read again where they have others."""
    if images.pixels.shape[1:] == spec.shape:
        return images
    listed = [
        replace(image, sha256=digest)
        for image, digest in zip(images.images, images.sha256, strict=True)
    ]
    return replace(images, pixels=load_images(listed, images.classes, spec).pixels)


def image_styles(images: ImageSet, styles: Path | None = None) -> Styles:
    """Return the clusters of images, from the CSV ``styles`` or by their ImageNet features.

    Raises
    ------
    DataError
        As :func:`cxr_edge.datasets.style_file.read_styles` and
        :func:`cxr_edge.datasets.clustering.find_styles`.
    """
    return _style_finder(images, styles)()


def _style_finder(images: ImageSet, styles: Path | None) -> Callable[[], Styles]:
    """Read all that clusters come from; a set that cannot be clustered is told by the result."""
    if styles:
        known = read_styles(styles, images)
        return lambda: known
    return partial(_styles, images, _features(images))


def _features(images: ImageSet) -> NDArray[np.float32]:
    same = images.pixels.shape[1:] == FEATURE_INPUT.shape
    seen = images if same else load_images(images.images, images.classes, FEATURE_INPUT)
    with stage("looking at the appearance of the images"):
        return imagenet_features(seen.pixels)


def _styles(images: ImageSet, features: NDArray[np.float32]) -> Styles:
    with stage("clustering by appearance"):
        return find_styles(features, images.labels)


def _by_style(images: ImageSet, styles: Styles, config: FitConfig) -> TrainingData:
    training, validation = split_by_style(
        images, styles, config.split_seed, config.validation_fraction
    )
    place = {digest: index for index, digest in enumerate(images.sha256)}
    held_out = styles.take([place[digest] for digest in validation.sha256])
    return TrainingData(images, training, validation, held_out)
