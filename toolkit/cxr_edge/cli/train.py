"""``cxr train``: class folders to a Keras model."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.errors import MissingExtra, UsageError, missing_module


def train(
    ctx: typer.Context,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with NORMAL and PNEUMONIA in it, or in its train folder.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RUN", help="Run folder; created.")
    ] = Path("run"),
    architecture: Annotated[str, typer.Option(help="Network to train.")] = "edge",
    name: Annotated[str, typer.Option(help="Name of the model in reports.")] = "edge",
    image_size: Annotated[
        int, typer.Option(min=32, max=1024, help="Side of the model's input, pixels.")
    ] = 224,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs.")] = 25,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs without a lower validation loss before stopping.")
    ] = 10,
    batch_size: Annotated[int, typer.Option(min=2, help="Films a step.")] = 32,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="Peak learning rate of the cosine schedule.")
    ] = 1.5e-3,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the split, weights, sampling and augmentation.")
    ] = 2021,
    validation_fraction: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Share of the patients held out.")
    ] = 0.2,
    data_note: Annotated[
        str, typer.Option(help="The training set in words: source, licence; for the model card.")
    ] = "not stated",
) -> None:
    """Train a network on labelled films; needs the extra 'train'.

    No patient is on both sides of the training / validation split: Kermany's file names tell
    the patient, any other file is a patient of its own. RUN gets model.keras (the weights with
    the lowest validation loss, spec inside), history.csv, split.csv and config.json.
    """
    if not data.is_dir():
        raise UsageError(f"expected a folder of labelled films, {data} is none")
    try:
        from cxr_edge.spec import InputSpec
        from cxr_edge.training import fit
        from cxr_edge.training.architectures import ARCHITECTURES
    except ModuleNotFoundError as exc:
        if (missing := missing_module(exc)) not in ("keras", "tensorflow"):
            raise
        raise MissingExtra("cxr train", "train", missing) from exc
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UsageError(f"--architecture: expected one of {known}, came {architecture!r}")
    config = fit.FitConfig(
        architecture=architecture,
        name=name,
        input=InputSpec(image_size, image_size),
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        validation_fraction=validation_fraction,
        data=data_note,
        command=_command(ctx),
    )
    spec = fit.train(data, out, config, say=typer.echo)
    assert spec.provenance is not None  # fit.train always states it
    typer.echo(f"validation AUC {spec.provenance.validation_auc}")
    for point in spec.operating_points:
        typer.echo(
            f"{point.name} (threshold {point.threshold}): sensitivity {point.sensitivity}, "
            f"specificity {point.specificity}"
        )
    typer.echo(f"wrote {out / 'model.keras'}")


def _command(ctx: typer.Context) -> str:
    """Return the command with this machine's paths and the data note left out."""
    words = ["cxr", "train", "DATA"]
    for parameter in ctx.command.params:
        key = parameter.name or ""
        source = ctx.get_parameter_source(key)
        given = source is not None and source.name == "COMMANDLINE"
        if given and key not in ("data", "out", "data_note"):
            words += [parameter.opts[0], str(ctx.params[key])]
    return shlex.join(words)
