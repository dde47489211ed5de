"""How to train: every setting of a run, checked when made."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Final

from cxr_edge.errors import UsageError
from cxr_edge.spec.input_spec import InputSpec

OPTIMIZERS: Final = ("adam", "adamw")
SCHEDULES: Final = ("constant", "cosine")
MONITORS: Final = ("val_loss", "val_auc")
IMBALANCE: Final = ("none", "balanced", "weights", "focal")

OF_A_SEED: Final = ("seed", "command", "name")
"""Settings in which runs of several seeds may differ."""

_RANGES: Final = (
    ("epochs", 1, 10_000), ("patience", 1, 10_000), ("batch_size", 2, 65_536),
    ("learning_rate", 0, math.inf), ("weight_decay", 0, math.inf), ("label_smoothing", 0, 0.5),
    ("averaging", 0, 0.9999), ("seed", 0, 2**32 - 1), ("split_seed", 0, math.inf),
    ("validation_fraction", 0.01, 0.9),
)  # fmt: skip
"""Least and largest of what each option takes."""


@dataclass(frozen=True)
class FitConfig:
    """All that is needed, beside the images, to repeat a run."""

    architecture: str = "edge"
    """Key of :data:`cxr_edge.training.architectures.ARCHITECTURES`."""
    name: str = "edge"
    """Name of the model in reports."""
    input: InputSpec = field(default_factory=InputSpec)
    """Pixels that the network takes."""
    epochs: int = 25
    """Most epochs."""
    head_epochs: int = 0
    """Of them, how many at the start train the head of a pretrained network alone."""
    patience: int = 10
    """Epochs without a better validation figure after which training stops."""
    monitor: str = "val_loss"
    """Validation figure that stopping and the choice of weights go by, of :data:`MONITORS`;
    ``val_auc`` is Keras', by 1,000 thresholds."""
    batch_size: int = 32
    """Images a step."""
    optimizer: str = "adamw"
    """Of :data:`OPTIMIZERS`."""
    schedule: str = "cosine"
    """Of :data:`SCHEDULES`; cosine rises for one epoch and falls to zero over the rest, but for
    the epochs of a head alone, which have the peak throughout."""
    learning_rate: float = 1.5e-3
    """Peak."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    imbalance: str = "balanced"
    """Of :data:`IMBALANCE`: nothing, as many images of each class in every batch, loss weighted by
    class, or focal loss (Lin et al., ICCV 2017; gamma 2) weighted by class."""
    label_smoothing: float = 0.05
    """Targets become smoothing / 2 and 1 - smoothing / 2."""
    averaging: float = 0.0
    """Momentum of the moving average of the weights that is validated and kept; 0 for none."""
    augmentation: str = "robust"
    """Key of :data:`cxr_edge.training.augment.PRESETS`."""
    calibrate: bool = True
    """Whether probabilities are calibrated on the validation images, inside the graph."""
    seed: int = 2021
    """Of the initial weights, the sampling and the augmentation."""
    split_seed: int = 2021
    """Of the split by patient, where the images do not say."""
    deterministic: bool = False
    """Whether the same seed gives the same weights to the last bit, at some cost in speed."""
    validation_fraction: float = 0.2
    """Share of the patients held out, where the images do not say."""
    data: str = ""
    """The training set in words, for the model card."""
    command: str = ""
    """The command, for the model card."""

    def __post_init__(self) -> None:
        from cxr_edge.training.architectures import PRETRAINED, check_name
        from cxr_edge.training.augment import PRESETS

        check_name(self.architecture)
        if not self.name.strip():
            raise UsageError(f"--name: expected a name, got {self.name!r}")
        for option, known in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("monitor", MONITORS),
            ("imbalance", IMBALANCE),
            ("augmentation", tuple(PRESETS)),
        ):
            if getattr(self, option) not in known:
                raise UsageError(
                    f"--{option}: expected one of {', '.join(known)}, got {getattr(self, option)!r}"
                )
        for option, low, high in _RANGES:
            if not low <= getattr(self, option) <= high:
                raise UsageError(
                    f"--{option.replace('_', '-')}: expected {low:g} to {high:g}, "
                    f"got {getattr(self, option)!r}"
                )
        if not 0 <= self.head_epochs < self.epochs:
            raise UsageError(
                f"--head-epochs: expected fewer than the {self.epochs} epochs of --epochs, "
                f"got {self.head_epochs}"
            )
        if self.head_epochs and self.architecture not in PRETRAINED:
            raise UsageError(
                f"--head-epochs: expected a pretrained network ({', '.join(sorted(PRETRAINED))}), "
                f"got {self.architecture}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready data."""
        return dataclasses.asdict(self)
