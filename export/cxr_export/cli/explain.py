"""``cxr explain``: show where in an image a model sees its evidence."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.errors import (
    ExitCode,
    ImageError,
    ModelInvalid,
    UsageError,
)
from cxr_edge.extras import needs_extra

_LONGEST_NAME = 200
"""Bytes of an image's name that its picture's name keeps, the last ones."""


def explain(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A .keras file, a package with one, or 'default'."),
    ],
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Images, or folders of them.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the pictures; created.")
    ] = Path("explained"),
) -> None:
    """Write Grad-CAM overlays with label, probability and logit; needs the extra 'train'.

    Works with every architecture of cxr train. A picture shows what the network used, not where
    disease is.
    """
    from cxr_edge.pipeline.discover import discover
    from cxr_edge.pipeline.prepare import prepare

    path = _original(model)
    items = list(discover(images))
    with needs_extra("cxr explain", "train"):
        from cxr_edge.training.grad_cam import Explainer
        from cxr_edge.training.overlay import draw_overlay
        from cxr_export.keras_models.load import load_original
    if not items:
        raise UsageError("expected at least one image to explain, the folders have none")
    original = load_original(path)
    spec = original.spec
    explainer = Explainer(original.model)
    failed = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate(items):
            content = prepare(item.file, spec.input).content
            if isinstance(content, ImageError):
                failed += 1
                typer.echo(f"{item.path}: {content.reason}", err=True)
                continue
            found = explainer.explain(content.pixels)
            picture = out / _picture(item.path, number, len(items))
            draw_overlay(content, found, spec, item.path, picture)
            typer.echo(f"{picture}: p = {found.probability:.6f}, logit {found.logit:+.3f}")
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror}") from exc
    if failed:
        typer.echo(f"{failed} of {len(items)} files could not be read", err=True)
        raise typer.Exit(ExitCode.SOME_FAILED)


def _picture(path: str, number: int, count: int) -> str:
    """Return a name for an image's picture, numbered where there are several."""
    name = path.replace("/", "__")
    short = os.fsencode(name)[-_LONGEST_NAME:].decode("utf-8", "replace")
    return f"{short}.png" if count == 1 else f"{number + 1:0{len(str(count))}d}-{short}.png"


def _original(model: str) -> Path:
    """Return the Keras file of a model."""
    from cxr_edge.models.locate import model_path
    from cxr_edge.models.package import ORIGINAL

    path = model_path(model)
    if not path.is_dir():
        return path
    if not (path / ORIGINAL).is_file():
        raise ModelInvalid(
            f"{path}: expected {ORIGINAL} in the package, which explanations are made from, it "
            "has none; the installed default model comes without, the repository has it"
        )
    return path / ORIGINAL
