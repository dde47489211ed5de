"""``cxr train``: labelled images to a run folder with a Keras model."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_edge.cli.labelled_data import DataArgument, PositiveOption
from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.extras import needs_extra

if TYPE_CHECKING:
    from cxr_edge.spec.model_spec import ModelSpec


def train(
    ctx: typer.Context,
    data: DataArgument,
    positive: PositiveOption = "",
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RUN", help="Run folder; created.")
    ] = Path("run"),
    architecture: Annotated[str, typer.Option(help="Network to train.")] = "edge",
    name: Annotated[
        str, typer.Option(help="Name of the model in reports; the architecture's without.")
    ] = "",
    image_size: Annotated[
        int, typer.Option(min=32, max=1024, help="Side of the model's input, pixels.")
    ] = 224,
    channels: Annotated[int, typer.Option(help="1 for gray, 3 for gray as RGB.")] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs.")] = 25,
    head_epochs: Annotated[
        int, typer.Option(min=0, help="Of them, how many train a pretrained network's head alone.")
    ] = 0,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs without a better validation figure before stopping.")
    ] = 10,
    monitor: Annotated[
        str, typer.Option(help="Figure to stop and choose weights by: val_loss, val_auc.")
    ] = "val_loss",
    batch_size: Annotated[int, typer.Option(min=2, help="Images a step.")] = 32,
    optimizer: Annotated[str, typer.Option(help="adam, adamw.")] = "adamw",
    schedule: Annotated[
        str, typer.Option(help="Of the learning rate: cosine (one epoch up, then down), constant.")
    ] = "cosine",
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak learning rate.")] = 1.5e-3,
    weight_decay: Annotated[float, typer.Option(min=0, help="Of AdamW.")] = 1e-3,
    imbalance: Annotated[
        str,
        typer.Option(
            help="Of the classes: balanced (as many of each in a batch), weights, focal, none."
        ),
    ] = "balanced",
    label_smoothing: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of the target given to the other class.")
    ] = 0.05,
    averaging: Annotated[
        float,
        typer.Option(min=0, max=0.9999, help="Momentum of the weights' moving average; 0: none."),
    ] = 0.0,
    augmentation: Annotated[str, typer.Option(help="robust, study-2021.")] = "robust",
    calibrate: Annotated[
        bool, typer.Option(help="Calibrate probabilities on the validation images.")
    ] = True,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the weights, sampling and augmentation.")
    ] = 2021,
    split_seed: Annotated[
        int, typer.Option(min=0, help="Of the split by patient, where the images do not say.")
    ] = 2021,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Same seed, same weights; slower.")
    ] = False,
    validation_fraction: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Share of the patients held out.")
    ] = 0.2,
    data_note: Annotated[
        str, typer.Option(help="The training set in words: source, licence; for the model card.")
    ] = "not stated",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with RUN from its last finished epoch.")
    ] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave unreadable files out, listing them.")
    ] = False,
    show_samples: Annotated[
        bool, typer.Option("--show-samples", help="Write RUN/samples.png and stop.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write logs to RUN/tensorboard.")
    ] = False,
) -> None:
    """Train a network on labelled images; needs the extra 'train'.

    No patient is on both sides of the training / validation split: a manifest or Kermany's file
    names tell the patient, any other file is a patient of its own. RUN gets model.keras (the
    weights of the best epoch, calibrated, spec inside), config.json, split.csv, history.csv,
    predictions.csv, curves.png, samples.png and report.md. Exit code 3 if unreadable files were
    left out.
    """
    if not data.exists():
        raise UsageError(f"{data} is neither a folder of labelled images nor a CSV manifest")
    with needs_extra("cxr train", "train"):
        from cxr_edge.spec.input_spec import InputSpec
        from cxr_edge.training import run
        from cxr_edge.training import run_folder as runfolder
        from cxr_edge.training.config import FitConfig
    if show_samples and resume:
        raise UsageError(
            "--show-samples: expected without --resume; the folder of a run has its samples.png"
        )
    if channels not in (1, 3):
        raise UsageError(f"--channels: expected 1 or 3, got {channels}")
    config = FitConfig(
        architecture=architecture,
        name=name or architecture,
        input=InputSpec(image_size, image_size, channels),
        epochs=epochs,
        head_epochs=head_epochs,
        patience=patience,
        monitor=monitor,
        batch_size=batch_size,
        optimizer=optimizer,
        schedule=schedule,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        imbalance=imbalance,
        label_smoothing=label_smoothing,
        averaging=averaging,
        augmentation=augmentation,
        calibrate=calibrate,
        seed=seed,
        split_seed=split_seed,
        deterministic=deterministic,
        validation_fraction=validation_fraction,
        data=data_note,
        command=_command(ctx),
    )
    if show_samples:
        left_out = run.show_samples(
            data,
            out,
            config,
            positive=positive,
            skip_unreadable=skip_unreadable,
            say=typer.echo,
        )
        typer.echo(f"wrote {out / runfolder.SAMPLES}")
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
            typer.echo(f"wrote {out / runfolder.MODEL}")
    if left_out:
        raise typer.Exit(ExitCode.SOME_FAILED)


def print_spec(spec: "ModelSpec") -> None:
    """Print the validation figures of a run, with a warning where they are no use."""
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
