"""``cxr train``: labelled images to a run folder with a Keras model."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.labelled_data import DataArgument, PositiveOption, SkipUnreadableOption
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.config import (
    Architecture,
    Augmentation,
    FitConfig,
    Imbalance,
    Monitor,
    Optimizer,
    Schedule,
    Validate,
)

if TYPE_CHECKING:
    from cxr_edge.spec.model_spec import ModelSpec


def _option(panel: str, text: str, *words: str, **more: Any) -> Any:  # Any: as typer.Option
    return typer.Option(*words, help=text, rich_help_panel=panel, **more)


@dataclass(frozen=True)
class SplitOptions:
    """Options of the split."""

    validate: Annotated[
        Validate,
        _option(
            panels.INPUT,
            "Images to validate on: patients (a share of them), or styles (also all images that "
            "look like the other class).",
            metavar="HOW",
        ),
    ] = FitConfig.validate
    validation_fraction: Annotated[
        float,
        _option(
            panels.INPUT,
            "Share of the patients to validate on; ignored if the manifest has a split.",
            min=0.01,
            max=0.9,
        ),
    ] = FitConfig.validation_fraction
    split_seed: Annotated[
        int,
        _option(
            panels.INPUT, "Seed of the patient split; ignored if the manifest has a split.", min=0
        ),
    ] = FitConfig.split_seed


@dataclass(frozen=True)
class ModelOptions:
    """Options of the network and its spec."""

    architecture: Annotated[
        Architecture,
        _option(
            panels.MODEL,
            f"Network to train: {', '.join(get_args(Architecture))}.",
            metavar="NETWORK",
        ),
    ] = FitConfig.architecture
    name: Annotated[
        str,
        _option(panels.MODEL, "Model name in reports.", show_default="the architecture"),
    ] = ""
    image_size: Annotated[
        int,
        _option(panels.MODEL, "Width and height of the model's input, pixels.", min=32, max=1024),
    ] = 224
    channels: Annotated[
        int,
        _option(panels.MODEL, "Channels of the model's input: 1 for gray, 3 for gray as RGB."),
    ] = 1
    data_note: Annotated[
        str,
        _option(panels.MODEL, "Source and license of the training set, for the model card."),
    ] = "not stated"


@dataclass(frozen=True)
class FitOptions:
    """Options of the fit, named as the settings of :class:`FitConfig`."""

    epochs: Annotated[int, _option(panels.TRAINING, "Largest number of epochs.", min=1)] = (
        FitConfig.epochs
    )
    head_epochs: Annotated[
        int,
        _option(
            panels.TRAINING,
            "Initial epochs that train only the classification head of a pretrained network.",
            min=0,
        ),
    ] = FitConfig.head_epochs
    patience: Annotated[
        int,
        _option(
            panels.TRAINING, "Epochs without a better validation figure before stopping.", min=1
        ),
    ] = FitConfig.patience
    monitor: Annotated[
        Monitor,
        _option(
            panels.TRAINING,
            "Validation figure to stop and to choose the epoch by: val_loss or val_auc.",
            metavar="FIGURE",
        ),
    ] = FitConfig.monitor
    batch_size: Annotated[int, _option(panels.TRAINING, "Images per step.", min=2)] = (
        FitConfig.batch_size
    )
    optimizer: Annotated[Optimizer, _option(panels.TRAINING, "adam or adamw.", metavar="NAME")] = (
        FitConfig.optimizer
    )
    schedule: Annotated[
        Schedule,
        _option(
            panels.TRAINING,
            "Learning rate over time: cosine (up for one epoch, then down to zero) or constant.",
            metavar="NAME",
        ),
    ] = FitConfig.schedule
    learning_rate: Annotated[float, _option(panels.TRAINING, "Peak learning rate.", min=0)] = (
        FitConfig.learning_rate
    )
    weight_decay: Annotated[float, _option(panels.TRAINING, "Weight decay of adamw.", min=0)] = (
        FitConfig.weight_decay
    )
    imbalance: Annotated[
        Imbalance,
        _option(
            panels.TRAINING,
            "How to handle class imbalance: balanced (equal numbers per batch), weights (loss "
            "weighted by class), focal (focal loss, weighted by class), none.",
            metavar="METHOD",
        ),
    ] = FitConfig.imbalance
    label_smoothing: Annotated[
        float,
        _option(panels.TRAINING, "Share of the target given to the other class.", min=0, max=0.5),
    ] = FitConfig.label_smoothing
    averaging: Annotated[
        float,
        _option(
            panels.TRAINING,
            "Momentum of the moving average of the weights; 0 for none.",
            min=0,
            max=0.9999,
        ),
    ] = FitConfig.averaging
    augmentation: Annotated[
        Augmentation,
        _option(
            panels.TRAINING,
            "Random changes of the training images: robust or study-2021.",
            metavar="NAME",
        ),
    ] = FitConfig.augmentation
    crop_area: Annotated[
        float,
        _option(
            panels.TRAINING,
            "Least share of an image that a random crop keeps; 1 for no crops.",
            min=0.05,
            max=1,
        ),
    ] = FitConfig.crop_area
    style_mixing: Annotated[
        float,
        _option(
            panels.TRAINING,
            "Probability of another rendering: equalized, local contrast, softer or sharper.",
            min=0,
            max=1,
        ),
    ] = FitConfig.style_mixing
    calibrate: Annotated[
        bool, _option(panels.TRAINING, "Calibrate probabilities on the validation images.")
    ] = FitConfig.calibrate
    seed: Annotated[
        int, _option(panels.TRAINING, "Seed of weights, sampling and augmentation.", min=0)
    ] = FitConfig.seed
    deterministic: Annotated[
        bool,
        _option(
            panels.TRAINING, "Same seed, same weights to the last bit; slower.", "--deterministic"
        ),
    ] = FitConfig.deterministic


@with_option_groups
def train(
    ctx: typer.Context,
    data: DataArgument,
    split: SplitOptions,
    model: ModelOptions,
    fit: FitOptions,
    positive: PositiveOption = "",
    skip_unreadable: SkipUnreadableOption = False,
    out: Annotated[
        Path, _option(panels.OUTPUT, "Run folder; created.", "--out", "-o", metavar="RUN")
    ] = Path("run"),
    resume: Annotated[
        bool,
        _option(panels.OUTPUT, "Continue RUN from its last finished epoch.", "--resume"),
    ] = False,
    show_samples: Annotated[
        bool,
        _option(
            panels.OUTPUT, "Write augmented images to RUN/samples.png and stop.", "--show-samples"
        ),
    ] = False,
    tensorboard: Annotated[
        bool, _option(panels.OUTPUT, "Write logs to RUN/tensorboard.", "--tensorboard")
    ] = False,
) -> None:
    """Train a network on labelled images.

    The images are split by patient into training and validation images. A manifest or the file
    names of the Kermany set identify the patient; any other file counts as one patient. With
    --validate styles, the images that look like the other class (see 'cxr audit --styles') are
    validation images too, with all images of their patients; report.md then has figures by
    appearance. RUN gets
    model.keras (the weights of the best epoch, calibrated, with the spec inside), config.json,
    split.csv, history.csv, predictions.csv, curves.png, samples.png and report.md. Needs the extra
    'train'. Exit code 3 if unreadable files were left out.
    """
    if not data.exists():
        raise UsageError(f"{data} is neither a folder of labelled images nor a CSV manifest")
    if show_samples and resume:
        raise UsageError(
            "--show-samples: expected without --resume; the folder of a run has its samples.png"
        )
    if model.channels not in (1, 3):
        raise UsageError(f"--channels: expected 1 or 3, got {model.channels}")
    config = FitConfig(
        architecture=model.architecture,
        name=model.name or model.architecture,
        input=InputSpec(model.image_size, model.image_size, model.channels),
        data=model.data_note,
        command=_command(ctx),
        **vars(split),
        **vars(fit),
    )
    with needs_extra("cxr train", "train"):
        from cxr_edge.training import run
    from cxr_edge.training.run_folder import MODEL, SAMPLES

    if show_samples:
        left_out = run.show_samples(
            data, out, config, positive=positive, skip_unreadable=skip_unreadable, say=typer.echo
        )
        typer.echo(f"wrote {out / SAMPLES}")
    else:
        finished = run.train(
            data,
            out,
            config,
            positive=positive,
            resume=resume,
            skip_unreadable=skip_unreadable,
            tensorboard=tensorboard,
            verbose=1 if sys.stdout.isatty() else 2,
            say=typer.echo,
        )
        left_out = finished.unreadable
        print_spec(finished.spec)
        if not finished.already:
            typer.echo(f"wrote {out / MODEL}")
    if left_out:
        raise typer.Exit(ExitCode.SOME_FAILED)


def print_spec(spec: "ModelSpec") -> None:
    """Print the validation figures of a run, and a warning where specificity is low."""
    assert spec.provenance is not None  # training always states it
    typer.echo(f"validation AUC {spec.provenance.validation_auc}")
    for point in spec.operating_points:
        typer.echo(
            f"{point.name} (threshold {point.threshold}): sensitivity {point.sensitivity}, "
            f"specificity {point.specificity}"
        )
    point = spec.operating_point()
    if point.specificity and point.specificity.value < 0.5:
        share = f"{1 - point.specificity.value:.0%}"
        typer.echo(
            f"warning: at '{point.name}' {share} of {spec.labels[0]} images are false positives; "
            "this network needs that threshold to keep its sensitivity",
            err=True,
        )


def _command(ctx: typer.Context) -> str:
    """Return the command with this machine's paths and the data note left out."""
    words = ["cxr", "train", "DATA"]
    for parameter in ctx.command.params:
        key = parameter.name or ""
        source = ctx.get_parameter_source(key)
        given = source is not None and source.name == "COMMANDLINE"
        if given and key not in ("data", "out", "data_note", "resume", "tensorboard"):
            words += _words(parameter, ctx.params[key])
    return shlex.join(words)


def _words(parameter: Any, value: object) -> list[str]:  # Any: typer keeps the class to itself
    """Return an option as it was typed."""
    if isinstance(value, bool):
        return [parameter.opts[0] if value else parameter.secondary_opts[0]]
    return [parameter.opts[0], str(value)]
