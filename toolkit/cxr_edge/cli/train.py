"""``cxr train``: labelled images to a run folder with a Keras model."""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.existing import existing
from cxr_edge.cli.interruption import continuable
from cxr_edge.cli.labelled_data import DataArgument, PositiveOption, SkipUnreadableOption
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.cli.train_options import (
    FitOptions,
    NetworkOptions,
    SplitOptions,
    TeacherOptions,
    option,
)
from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.progress import stage
from cxr_edge.training.config import BATCH_WORKERS, FitConfig

if TYPE_CHECKING:
    from cxr_edge.spec.model_spec import ModelSpec
    from cxr_edge.training.run import Finished


@with_option_groups
def train(
    ctx: typer.Context,
    data: DataArgument,
    split: SplitOptions,
    model: NetworkOptions,
    fit: FitOptions,
    teaching: TeacherOptions,
    positive: PositiveOption = "",
    skip_unreadable: SkipUnreadableOption = False,
    styles: Annotated[
        Path | None,
        option(
            panels.INPUT,
            "Clusters of the images by appearance, the styles.csv of 'cxr audit --styles', with "
            "--folds or --validate styles; without it they are looked for.",
            "--styles",
            metavar="CSV",
            callback=existing,
        ),
    ] = None,
    out: Annotated[
        Path, option(panels.OUTPUT, "Run folder; created.", "--out", "-o", metavar="RUN")
    ] = Path("run"),
    resume: Annotated[
        bool,
        option(panels.OUTPUT, "Continue RUN from its last finished epoch.", "--resume"),
    ] = False,
    show_samples: Annotated[
        bool,
        option(
            panels.OUTPUT, "Write augmented images to RUN/samples.png and stop.", "--show-samples"
        ),
    ] = False,
    workers: Annotated[
        int | None,
        option(
            panels.SPEED,
            "Processes that augment images, with the same result for any number; 0 to do so in "
            "the process of the network.",
            "--workers",
            show_default="a quarter of the CPUs",
            **bounds(BATCH_WORKERS),
        ),
    ] = None,
    tensorboard: Annotated[
        bool, option(panels.OUTPUT, "Write logs to RUN/tensorboard.", "--tensorboard")
    ] = False,
) -> None:
    """Train a network on labelled images.

    The images are split by patient into training and validation images, the same share of each
    class. A manifest or the file names of the Kermany set identify the patient; any other file
    counts as one patient. With --validate styles, the images that look like the other class (see
    'cxr audit --styles') are validation images too, with all images of their patients. RUN gets
    model.keras (the weights of the best epoch, calibrated, with the spec inside), config.json,
    split.csv, training-images.json, history.csv, predictions.csv, styles.csv (with --validate
    styles), curves.png, samples.png and report.md.

    With --folds K, the network of RUN learns from all images, for all epochs. K more networks, each
    without a fold of the patients, score the images that they did not see: these scores calibrate
    the network, choose its thresholds and give its figures. RUN gets styles.csv, a folder for each
    fold and out-of-fold.csv as well.

    With --teacher, the network learns the probabilities of other models too, on the same augmented
    pixels. Needs the extra 'train'. Exit code 3 if unreadable files were left out.
    """
    if show_samples and resume:
        raise UsageError(
            "--show-samples: expected without --resume; the folder of a run has its samples.png"
        )
    for name, given in (("--show-samples", show_samples), ("--tensorboard", tensorboard)):
        if given and split.folds:
            raise UsageError(f"{name}: expected without --folds, which makes several runs")
    if styles and not split.folds and split.validate != "styles":
        raise UsageError("--styles: expected with --folds or --validate styles, which use it")
    if model.channels not in (1, 3):
        raise UsageError(f"--channels: expected 1 or 3, got {model.channels}")
    config = FitConfig(
        architecture=model.architecture,
        name=model.name or model.architecture,
        input=InputSpec(model.image_size, model.image_size, model.channels),
        local_contrast=model.local_contrast,
        data=model.data_note,
        command=_command(ctx),
        **vars(split),
        **vars(fit),
    )
    distillation = teaching.distillation
    processes = usable_cpus() // 4 if workers is None else workers
    distillation.require_loss(config)
    with stage("loading Keras"), needs_extra("cxr train", "train"):
        from cxr_edge.training import run
    from cxr_edge.training.run_files import MODEL, SAMPLES

    finished: Finished | None = None
    if show_samples:
        left_out = run.show_samples(
            data,
            out,
            config,
            positive=positive,
            styles=styles,
            skip_unreadable=skip_unreadable,
            say=_say,
        )
        typer.echo(f"wrote {out / SAMPLES}")
    else:
        from cxr_edge.training.folds import train_folds

        train_it = train_folds if config.folds else partial(run.train, tensorboard=tensorboard)
        with continuable(lambda: _how_to_continue(out, resumed=resume)):
            finished = train_it(
                data,
                out,
                config,
                distillation,
                positive=positive,
                styles=styles,
                resume=resume,
                skip_unreadable=skip_unreadable,
                workers=processes,
                verbose=1 if sys.stdout.isatty() else 2,
                say=_say,
            )
    if finished:
        left_out = finished.unreadable
        print_spec(finished.spec)
        if not finished.already:
            typer.echo(f"wrote {out / MODEL}")
    if left_out:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _say(line: str) -> None:
    typer.echo(line, err=line.startswith("warning:"))


def _how_to_continue(out: Path, *, resumed: bool) -> str:
    """Return how an interrupted run continues; empty where there is no unfinished one."""
    from cxr_edge.training.history import read_history
    from cxr_edge.training.run_files import CONFIG, MODEL

    if not (out / CONFIG).exists() or (out / MODEL).exists():
        return ""
    same = f"the same command{'' if resumed else ' with --resume'}"
    if any(out.glob("fold-*")) and not read_history(out):
        return f"{same} continues with the folds"
    done = len(read_history(out))
    return (
        f"{same} continues after epoch {done}"
        if done
        else f"{same} starts over: no epoch was finished"
    )


def print_spec(spec: "ModelSpec") -> None:
    """Print the validation figures of a run, and a warning where specificity is low."""
    facts = spec.provenance
    assert facts is not None  # training always states it
    typer.echo(facts.headline)
    sensitivity, specificity = spec.rate_titles
    for point in spec.operating_points:
        typer.echo(
            f"{point.name} (threshold {point.threshold}): {sensitivity} {point.sensitivity}, "
            f"{specificity} {point.specificity}"
        )
    if spec.prior:
        typer.echo(f"{spec.prior} (--prior)")
    point = spec.operating_point()
    if point.specificity and point.specificity.value < 0.5:
        share = f"{1 - point.specificity.value:.0%}"
        typer.echo(
            f"warning: at '{point.name}' {share} of {spec.labels[0]} images are false positives "
            f"({specificity}); this network needs that threshold to keep its sensitivity",
            err=True,
        )


def _command(ctx: typer.Context) -> str:
    """Return the command with this machine's paths and the data note left out."""
    words = ["cxr", "train", "DATA"]
    for parameter in ctx.command.params:
        key = parameter.name or ""
        source = ctx.get_parameter_source(key)
        given = source is not None and source.name == "COMMANDLINE"
        if given and key not in ("data", "out", "data_note", "resume", "tensorboard", "workers"):
            words += _words(parameter, ctx.params[key])
    return shlex.join(words)


def _words(parameter: Any, value: object) -> list[str]:  # Any: typer keeps the class to itself
    """Return an option as it was typed, with paths left out."""
    if isinstance(value, bool):
        return [parameter.opts[0] if value else parameter.secondary_opts[0]]
    if parameter.name in ("teacher", "unlabelled", "styles"):
        count = len(value) if isinstance(value, list | tuple) else 1
        return [parameter.opts[0], parameter.metavar] * count
    return [parameter.opts[0], str(value)]
