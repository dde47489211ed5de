"""Settings of a training run, checked when made; Keras is not loaded for that."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias, get_args

from cxr_edge.errors import UsageError
from cxr_edge.spec.input_spec import MAX_SIDE, InputSpec
from cxr_edge.spec.operating_point import SCREENING_SENSITIVITY
from cxr_edge.system.ranges import HELD_OUT, KEPT_SENSITIVITY, SEED, SHARE, Range

Architecture: TypeAlias = Literal[
    "dense",
    "dense-deep",
    "cnn",
    "cnn-pooled",
    "edge",
    "plain",
    "twin",
    "efficientnet-lite0",
    "mobilenet-v3-small",
]
"""Name of a network; a key of :data:`cxr_edge.training.architectures.ARCHITECTURES`."""

PRETRAINED: Final[frozenset[Architecture]] = frozenset({"efficientnet-lite0", "mobilenet-v3-small"})
"""Architectures that start from ImageNet weights, and end that part with a layer ``pool``."""

NORMALIZING: Final[frozenset[Architecture]] = frozenset({"edge", "plain"})
"""Architectures that can normalize the local contrast of an image first."""

Augmentation: TypeAlias = Literal["robust", "study-2021"]
"""Name of an augmentation; a key of :data:`cxr_edge.training.augment.PRESETS`."""

Optimizer: TypeAlias = Literal["adam", "adamw"]
Schedule: TypeAlias = Literal["constant", "cosine"]
Monitor: TypeAlias = Literal["val_loss", "val_auc"]
Validate: TypeAlias = Literal["patients", "styles"]
Imbalance: TypeAlias = Literal["none", "balanced", "weights", "focal"]

_CHOICES: Final = {
    "architecture": get_args(Architecture),
    "augmentation": get_args(Augmentation),
    "optimizer": get_args(Optimizer),
    "schedule": get_args(Schedule),
    "monitor": get_args(Monitor),
    "imbalance": get_args(Imbalance),
    "validate": get_args(Validate),
}
"""Option to the names that it takes."""

OF_A_SEED: Final = ("seed", "command", "name")
"""Settings in which runs with different seeds may differ."""

RANGES: Final[Mapping[str, Range]] = {
    "epochs": Range(1, 10_000),
    "head_epochs": Range(0, 9_999),
    "patience": Range(1, 10_000),
    "batch_size": Range(2, 65_536),
    "learning_rate": Range(0, 1e30, whole=False),
    "weight_decay": Range(0, 1e30, whole=False),
    "label_smoothing": Range(0, 0.5, whole=False),
    "averaging": Range(0, 0.9999, whole=False),
    "seed": SEED,
    "split_seed": SEED,
    "validation_fraction": HELD_OUT,
    "folds": Range(0, 100),
    "crop_area": Range(0.05, 1, whole=False),
    "style_mixing": Range(0, 1, whole=False),
    "style_transfer": Range(0, 1, whole=False),
    "screening_sensitivity": KEPT_SENSITIVITY,
}
"""Setting to the numbers that it may have."""

IMAGE_SIZE: Final = Range(32, 1024)
"""Width and height of a network's input, pixels."""


@dataclass(frozen=True)
class FitConfig:
    """Settings that, with the images, repeat a run."""

    architecture: Architecture = "edge"
    """Network to train."""
    name: str = "edge"
    """Name of the model in reports."""
    input: InputSpec = field(default_factory=InputSpec)
    """Pixels that the network takes."""
    epochs: int = 25
    """Largest number of epochs."""
    head_epochs: int = 0
    """Initial epochs that train only the classification head of a pretrained network."""
    patience: int = 10
    """Epochs without a better validation figure after which training stops."""
    monitor: Monitor = "val_loss"
    """Validation figure by which training stops and the epoch is chosen; ``val_auc`` is Keras', by
    1,000 thresholds."""
    batch_size: int = 32
    """Images per step."""
    optimizer: Optimizer = "adamw"
    """Optimizer."""
    schedule: Schedule = "cosine"
    """Schedule of the learning rate; cosine rises for one epoch and falls to zero over the rest.
    Epochs that train the head alone have the peak throughout."""
    learning_rate: float = 1.5e-3
    """Peak learning rate."""
    weight_decay: float = 1e-3
    """Weight decay of AdamW."""
    imbalance: Imbalance = "balanced"
    """Treatment of unequal classes: none, equal numbers in every batch, loss weighted by class, or
    focal loss (Lin et al., ICCV 2017; gamma 2) weighted by class."""
    label_smoothing: float = 0.05
    """Label smoothing: targets become smoothing / 2 and 1 - smoothing / 2."""
    averaging: float = 0.0
    """Momentum of the moving average of the weights that is validated and kept; 0 for none."""
    augmentation: Augmentation = "robust"
    """Augmentation of the training images."""
    crop_area: float = 1.0
    """Least share of an image that a random crop keeps, before the augmentation; 1 for no crops."""
    style_mixing: float = 0.0
    """Probability that an image gets another rendering (equalized, local contrast, sharper, softer)
    before the augmentation."""
    calibrate: bool = True
    """Whether probabilities are calibrated on the validation images, inside the graph."""
    seed: int = 2021
    """Seed of the initial weights, the sampling and the augmentation."""
    split_seed: int = 2021
    """Seed of the split by patient; ignored if the manifest has a split."""
    deterministic: bool = False
    """Whether the same seed gives the same weights to the last bit, at some cost in speed."""
    validate: Validate = "patients"
    """Images to validate on: those of a share of the patients; or, in addition, all that look like
    the other class, with all images of their patients."""
    validation_fraction: float = 0.2
    """Share of each class's images held out; ignored if the manifest has a split."""
    folds: int = 0
    """Folds of the patients; 0 for a share of them that is held out."""
    fold: int = 0
    """Fold that is held out, from 1; 0 without folds, and for the network of all images."""
    data: str = ""
    """Description of the training set, for the model card."""
    command: str = ""
    """Command that trained the model, for the model card."""
    prior: float | None = None
    """Share of images that look like the other class, in each class, which a deployment is expected
    to meet; None for that in the data. Calibration and operating points are chosen for it."""
    style_transfer: float = 0.0
    """Probability that an image gets the rendering of another training image, of either class with
    the same chance: its sharpness by scale, and its gray levels."""
    local_contrast: bool = False
    """Whether the network normalizes the contrast of each neighbourhood before it does anything
    else; for ``edge`` and ``plain``."""
    screening_sensitivity: float = SCREENING_SENSITIVITY
    """Sensitivity that the operating point ``screening`` keeps, on every copy of the validated
    images."""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise UsageError(f"--name: expected a name, got {self.name!r}")
        for option, known in _CHOICES.items():
            if getattr(self, option) not in known:
                raise UsageError(
                    f"--{option}: expected one of {', '.join(known)}, got {getattr(self, option)!r}"
                )
        for option, within in RANGES.items():
            within.require(f"--{option.replace('_', '-')}", getattr(self, option))
        if self.folds == 1:
            raise UsageError("--folds: expected 2 or more folds of the patients, or 0, got 1")
        if self.folds and self.validate != "patients":
            raise UsageError(
                f"--folds: expected without --validate {self.validate}: folds hold out patients, "
                "and their figures are by appearance too; use one of the two"
            )
        if self.prior is not None:
            SHARE.require("--prior", self.prior)
            if not self.folds and self.validate != "styles":
                raise UsageError(
                    "--prior: expected with --folds or --validate styles, which find the images "
                    "that look like the other class; add one of them, or leave --prior out"
                )
        if self.head_epochs >= self.epochs:
            raise UsageError(
                f"--head-epochs: expected fewer than the {self.epochs} epochs of --epochs, "
                f"got {self.head_epochs}"
            )
        if self.head_epochs and self.architecture not in PRETRAINED:
            raise UsageError(
                f"--head-epochs: expected a pretrained network ({', '.join(sorted(PRETRAINED))}), "
                f"got {self.architecture}"
            )

        if self.local_contrast and self.architecture not in NORMALIZING:
            raise UsageError(
                f"--local-contrast: expected the network {' or '.join(sorted(NORMALIZING))}, "
                f"got {self.architecture}"
            )

    def of_fold(self, fold: int) -> Self:
        """Return the settings of the network without a fold, which decides nothing by its scores.

        So what is decided by the scores of all folds can change without them.
        """
        return dataclasses.replace(
            self,
            fold=fold,
            calibrate=False,
            prior=None,
            screening_sensitivity=SCREENING_SENSITIVITY,
        )

    @property
    def training_input(self) -> InputSpec:
        """Pixels of the training images before a crop.

        They are so many that the smallest crop still has those that the network takes, as far as
        an input may be as large.
        """
        height, width = (
            min(MAX_SIDE, math.ceil(side / math.sqrt(self.crop_area)))
            for side in (self.input.height, self.input.width)
        )
        return dataclasses.replace(self.input, height=height, width=width)

    @property
    def holds_out(self) -> bool:
        """Whether some images are held out to validate on."""
        return not self.folds or self.fold > 0

    @property
    def chosen_by(self) -> str:
        """Column of the history by which the epoch is chosen.

        In a run with folds it is its number, so that the last one is kept and nothing stops early:
        the network of all images has nothing to choose by, and those of the folds do as it does.
        """
        return "epoch" if self.folds else self.monitor

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready data."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Distillation:
    """Teachers and further images that a network learns from, besides labelled images."""

    teachers: tuple[str, ...] = ()
    """Models whose probabilities are learned: ``default``, packages or files."""
    weight: float = 0.8
    """Share of the teachers in the target of a labelled image."""
    unlabelled: Path | None = None
    """Folder of images without labels, whose target is the teachers' probability alone."""

    def __post_init__(self) -> None:
        SHARE.require("--teacher-weight", self.weight)
        if self.unlabelled and not self.teachers:
            raise UsageError("--unlabelled: expected with --teacher MODEL, which judges the images")

    def require_loss(self, config: FitConfig) -> None:
        """Check that the loss of a run can learn from probabilities.

        Raises
        ------
        UsageError
            It is the focal loss, whose minimum is not at the target unless that is 0 or 1.
        """
        if self.teachers and config.imbalance == "focal":
            raise UsageError(
                "--imbalance focal: expected without --teacher, whose probabilities a focal loss "
                "does not learn; use balanced or weights"
            )


BATCH_WORKERS: Final = Range(0, 64)
"""Processes that augment images."""

NOTHING_ELSE: Final = Distillation()
"""Distillation of a run that learns from labels alone."""
