"""``cxr explain``: pictures of where in an image a model sees its evidence."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import SpecFile
from cxr_edge.cli.model_argument import existing_model
from cxr_edge.cli.output_files import OverwriteOption, keep_existing
from cxr_edge.errors import ExitCode, ImageError, UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.system.progress import stage, track

_LONGEST_NAME: Final = 200
"""Last bytes of an image's name that its picture's name keeps."""

_LONGEST_TITLE: Final = 44
"""Last characters of an image's name above it."""


def explain(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A .keras or .h5 file, a package with one, or 'default'.",
            show_default=False,
            is_eager=True,
            callback=existing_model,
        ),
    ],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...", help="Images, or folders of images.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for the pictures; created.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = Path("explained"),
    overwrite: OverwriteOption = False,
    spec: SpecFile = None,
) -> None:
    """Write heat maps (Grad-CAM) with label, probability and logit.

    Every architecture of cxr train can be explained. A picture shows what the network used, not
    where disease is. Needs the extra 'train'. Exit code 3 if some images cannot be read.
    """
    from cxr_edge.models.locate import read_spec_file
    from cxr_edge.pipeline.decision import Decision
    from cxr_edge.pipeline.discover import discover
    from cxr_edge.pipeline.prepare import prepare
    from cxr_edge.storage.atomic import atomic_write
    from cxr_export.keras_models.locate import keras_file

    path = keras_file(model, "explanations are made from it", "MODEL")
    given = read_spec_file(spec) if spec else None
    items = list(discover(images))
    pictures = [out / _picture(item.path, number, len(items)) for number, item in enumerate(items)]
    keep_existing("--out", pictures, overwrite=overwrite)
    with stage("loading TensorFlow"), needs_extra("cxr explain", "train"):
        from cxr_edge.evaluation.plots import end_of_name
        from cxr_edge.imaging.overlay import HeatMap, draw_overlay
        from cxr_edge.training.grad_cam import Explainer
        from cxr_export.keras_models.load import load_original
    if not items:
        raise UsageError("expected at least one image to explain, got folders without images")
    original = load_original(path, given)
    explainer, meant = Explainer(original.model), original.spec
    decision = Decision.of(meant)
    failed = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for item, picture in track(list(zip(items, pictures, strict=True)), "explaining images"):
            content = prepare(item.file, meant.input).content
            if isinstance(content, ImageError):
                failed += 1
                typer.echo(f"{item.path}: {content.reason}", err=True)
                continue
            found = explainer.explain(content.pixels)
            heat = HeatMap(found.heat, found.evidence, meant.labels[1])
            verdict = (
                f"{decision.label(found.probability)}, p = {found.probability:.3f}, "
                f"logit {found.logit:+.2f}\n"
                f"threshold {decision.threshold:.3f} ({decision.operating_point})"
            )
            titles = (end_of_name(item.path, _LONGEST_TITLE), verdict)
            with atomic_write(picture) as temporary:
                draw_overlay(content.pixels, content.source, heat, titles, temporary)
            typer.echo(f"{picture}: p = {found.probability:.6f}, logit {found.logit:+.3f}")
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror}") from exc
    if failed:
        typer.echo(f"{failed} of {len(items)} files could not be read", err=True)
        raise typer.Exit(ExitCode.SOME_FAILED)


def _picture(path: str, number: int, count: int) -> str:
    """Return a name for an image's picture, numbered if there are several."""
    from cxr_edge.imaging.sniff import SUFFIXES

    name = path.replace("/", "__")
    suffix = Path(name).suffix
    if suffix.lower() in SUFFIXES:
        name = name.removesuffix(suffix)
    short = os.fsencode(name)[-_LONGEST_NAME:].decode("utf-8", "replace")
    return f"{short}.png" if count == 1 else f"{number + 1:0{len(str(count))}d}-{short}.png"
