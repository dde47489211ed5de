"""Options of ``cxr train``, in groups."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.existing import existing
from cxr_edge.cli.numbers import bounds, one_of
from cxr_edge.errors import UsageError
from cxr_edge.notice import NOT_STATED
from cxr_edge.system.ranges import SHARE
from cxr_edge.training.config import (
    IMAGE_SIZE,
    RANGES,
    Architecture,
    Augmentation,
    Distillation,
    FitConfig,
    Imbalance,
    Monitor,
    Optimizer,
    Schedule,
    Validate,
)


def option(panel: str, text: str, *words: str, **more: Any) -> Any:  # Any: as typer.Option
    """Return an option with its panel and help."""
    return typer.Option(*words, help=text, rich_help_panel=panel, **more)


@dataclass(frozen=True)
class SplitOptions:
    """Options of the split."""

    validate: Annotated[
        Validate,
        option(
            panels.INPUT,
            "Images to validate on: patients (a share of them), or styles (also all images that "
            "look like the other class).",
            metavar="HOW",
        ),
    ] = FitConfig.validate
    validation_fraction: Annotated[
        float,
        option(
            panels.INPUT,
            "Share of each class's images to validate on; ignored if the manifest has a split.",
            **bounds(RANGES["validation_fraction"]),
        ),
    ] = FitConfig.validation_fraction
    folds: Annotated[
        int,
        option(
            panels.INPUT,
            "Train a network per fold of the patients for honest figures, and one of all images; "
            "0 for one network with a validation split.",
            **bounds(RANGES["folds"]),
        ),
    ] = FitConfig.folds
    prior: Annotated[
        float | None,
        option(
            panels.INPUT,
            "Share of images that look like the other class which to expect, in each class: "
            "calibration and thresholds are chosen for it. Needs --folds or --validate styles.",
            show_default="that in the data",
            **bounds(SHARE),
        ),
    ] = FitConfig.prior
    screening_sensitivity: Annotated[
        float,
        option(
            panels.INPUT,
            "Sensitivity that the threshold 'screening' keeps, on changed copies too.",
            **bounds(RANGES["screening_sensitivity"]),
        ),
    ] = FitConfig.screening_sensitivity
    split_seed: Annotated[
        int,
        option(
            panels.INPUT,
            "Seed of the patient split; ignored if the manifest has a split.",
            **bounds(RANGES["split_seed"]),
        ),
    ] = FitConfig.split_seed


@dataclass(frozen=True)
class NetworkOptions:
    """Options of the network and its spec."""

    architecture: Annotated[
        Architecture,
        option(
            panels.MODEL,
            f"Network to train: {', '.join(get_args(Architecture))}.",
            metavar="NETWORK",
        ),
    ] = FitConfig.architecture
    name: Annotated[
        str,
        option(panels.MODEL, "Model name in reports.", show_default="the architecture"),
    ] = ""
    image_size: Annotated[
        int,
        option(
            panels.MODEL, "Width and height of the model's input, pixels.", **bounds(IMAGE_SIZE)
        ),
    ] = 224
    local_contrast: Annotated[
        bool,
        option(
            panels.MODEL,
            "Have the network normalize local contrast first; for edge and plain.",
            "--local-contrast",
        ),
    ] = FitConfig.local_contrast
    channels: Annotated[
        int,
        option(
            panels.MODEL,
            "Channels of the model's input: 1 for gray, 3 for gray as RGB.",
            **one_of(1, 3),
        ),
    ] = 1
    data_note: Annotated[
        str,
        option(
            panels.MODEL,
            "Description of the training set (source, patients, license), for the notice, the "
            "report and the model card.",
        ),
    ] = NOT_STATED


@dataclass(frozen=True)
class FitOptions:
    """Options of the fit, named as the settings of :class:`FitConfig`."""

    epochs: Annotated[
        int, option(panels.TRAINING, "Largest number of epochs.", **bounds(RANGES["epochs"]))
    ] = FitConfig.epochs
    head_epochs: Annotated[
        int,
        option(
            panels.TRAINING,
            "Initial epochs that train only the classification head of a pretrained network.",
            **bounds(RANGES["head_epochs"]),
        ),
    ] = FitConfig.head_epochs
    patience: Annotated[
        int,
        option(
            panels.TRAINING,
            "Epochs without a better validation figure before stopping.",
            **bounds(RANGES["patience"]),
        ),
    ] = FitConfig.patience
    monitor: Annotated[
        Monitor,
        option(
            panels.TRAINING,
            "Validation figure to stop and to choose the epoch by: val_loss or val_auc.",
            metavar="FIGURE",
        ),
    ] = FitConfig.monitor
    batch_size: Annotated[
        int, option(panels.TRAINING, "Images per step.", **bounds(RANGES["batch_size"]))
    ] = FitConfig.batch_size
    optimizer: Annotated[Optimizer, option(panels.TRAINING, "adam or adamw.", metavar="NAME")] = (
        FitConfig.optimizer
    )
    schedule: Annotated[
        Schedule,
        option(
            panels.TRAINING,
            "Learning rate over time: cosine (up for one epoch, then down to zero) or constant.",
            metavar="NAME",
        ),
    ] = FitConfig.schedule
    learning_rate: Annotated[
        float, option(panels.TRAINING, "Peak learning rate.", **bounds(RANGES["learning_rate"]))
    ] = FitConfig.learning_rate
    weight_decay: Annotated[
        float, option(panels.TRAINING, "Weight decay of adamw.", **bounds(RANGES["weight_decay"]))
    ] = FitConfig.weight_decay
    imbalance: Annotated[
        Imbalance,
        option(
            panels.TRAINING,
            "How to handle class imbalance: balanced (equal numbers per batch), weights (loss "
            "weighted by class), focal (focal loss, weighted by class), none.",
            metavar="METHOD",
        ),
    ] = FitConfig.imbalance
    label_smoothing: Annotated[
        float,
        option(
            panels.TRAINING,
            "Share of the target given to the other class.",
            **bounds(RANGES["label_smoothing"]),
        ),
    ] = FitConfig.label_smoothing
    averaging: Annotated[
        float,
        option(
            panels.TRAINING,
            "Momentum of the moving average of the weights; 0 for none.",
            **bounds(RANGES["averaging"]),
        ),
    ] = FitConfig.averaging
    augmentation: Annotated[
        Augmentation,
        option(
            panels.TRAINING,
            "Random changes of the training images: robust or study-2021.",
            metavar="NAME",
        ),
    ] = FitConfig.augmentation
    crop_area: Annotated[
        float,
        option(
            panels.TRAINING,
            "Least share of an image that a random crop keeps; 1 for no crops.",
            **bounds(RANGES["crop_area"]),
        ),
    ] = FitConfig.crop_area
    style_mixing: Annotated[
        float,
        option(
            panels.TRAINING,
            "Probability of another rendering: equalized, local contrast, softer or sharper.",
            **bounds(RANGES["style_mixing"]),
        ),
    ] = FitConfig.style_mixing
    style_transfer: Annotated[
        float,
        option(
            panels.TRAINING,
            "Probability of the rendering of another training image, of either class.",
            **bounds(RANGES["style_transfer"]),
        ),
    ] = FitConfig.style_transfer
    calibrate: Annotated[
        bool, option(panels.TRAINING, "Calibrate probabilities on the validation images.")
    ] = FitConfig.calibrate
    seed: Annotated[
        int,
        option(
            panels.TRAINING,
            "Seed of weights, sampling and augmentation.",
            **bounds(RANGES["seed"]),
        ),
    ] = FitConfig.seed
    deterministic: Annotated[
        bool,
        option(
            panels.TRAINING, "Same seed, same weights to the last bit; slower.", "--deterministic"
        ),
    ] = FitConfig.deterministic


@dataclass(frozen=True)
class TeacherOptions:
    """Options of teachers and of images without labels."""

    teacher: Annotated[
        list[str] | None,
        option(
            panels.TRAINING,
            "Model to learn from as well: 'default', a package, or an .onnx, .tflite or .keras "
            "file; may be repeated.",
            metavar="MODEL",
            show_default=False,
        ),
    ] = None
    teacher_weight: Annotated[
        float | None,
        option(
            panels.TRAINING,
            "Share of the teachers' probability in the target of an image; the rest is its label.",
            show_default=str(Distillation.weight),
            **bounds(SHARE),
        ),
    ] = None
    unlabelled: Annotated[
        Path | None,
        option(
            panels.INPUT,
            "Further images without labels, to learn from the teachers.",
            metavar="FOLDER",
            show_default=False,
            callback=existing,
        ),
    ] = None

    @property
    def distillation(self) -> Distillation:
        """Teachers and further images that they ask for.

        Raises
        ------
        UsageError
            Some of them need a teacher, and there is none.
        """
        if self.teacher_weight is None:
            return Distillation(tuple(self.teacher or ()), unlabelled=self.unlabelled)
        if not self.teacher:
            raise UsageError("--teacher-weight: expected with --teacher MODEL")
        return Distillation(tuple(self.teacher), self.teacher_weight, self.unlabelled)
