"""``cxr explain``: pictures of where in an image a model sees its evidence."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import SpecFile
from cxr_edge.cli.model_argument import existing_model
from cxr_edge.cli.output_files import OverwriteOption, keep_existing
from cxr_edge.errors import ExitCode, ImageError, UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.system.printable import printable
from cxr_edge.system.progress import stage, track

_LONGEST_NAME: Final = 200
"""Last bytes of an image's name that its picture's name keeps."""


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
    """Write heat maps with label, probability and logit.

    A picture shows what the network used, not where disease is: what each place says where the
    network ends in global average pooling, as in cxr scan --heatmaps, and Grad-CAM where it ends
    otherwise. Needs the extra 'train'. Exit code 3 if some images cannot be read.
    """
    from cxr_edge.models.locate import read_spec_file
    from cxr_edge.pipeline.decision import Decision
    from cxr_edge.pipeline.discover import discover
    from cxr_edge.pipeline.prepare import attempt, to_pixels
    from cxr_edge.reports.csv_report import shown
    from cxr_edge.storage.atomic import atomic_write
    from cxr_export.keras_models.locate import keras_file

    path = keras_file(model, "explanations are made from it", "MODEL")
    given = read_spec_file(spec) if spec else None
    items = list(discover(images))
    pictures = [out / _picture(item.path, number, len(items)) for number, item in enumerate(items)]
    keep_existing("--out", pictures, overwrite=overwrite)
    with stage("loading Keras"), needs_extra("cxr explain", "train"):
        from cxr_edge.imaging.overlay import as_png, draw_overlay
        from cxr_export.keras_models.explain import explainer
        from cxr_export.keras_models.load import load_original
    if not items:
        raise UsageError("expected at least one image to explain, got folders without images")
    original = load_original(path, given, maps=True)
    meant = original.spec
    decision = Decision.of(meant)
    explain_one = explainer(original, decision)
    prepared = partial(to_pixels, spec=meant.input, shown=True)
    failed = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for item, picture in track(list(zip(items, pictures, strict=True)), "explaining images"):
            content = attempt(item.file, prepared).content
            if isinstance(content, ImageError):
                failed += 1
                typer.echo(f"{item.path}: {content.reason}", err=True)
                continue
            assert content.shown is not None
            found = explain_one(content.pixels)
            verdict = (
                f"{decision.label(found.probability)}, p = {shown(found.probability)}, "
                f"logit {found.logit:+.2f}, "
                f"threshold {shown(decision.threshold)} ({decision.operating_point})"
            )
            drawn = draw_overlay(content.shown, found.heat, (printable(item.path), verdict))
            with atomic_write(picture) as temporary:
                temporary.write_bytes(as_png(drawn))
            typer.echo(f"{picture}: p = {shown(found.probability)}, logit {found.logit:+.3f}")
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
