"""``cxr export``: a Keras model to a model package."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.errors import MissingExtra, missing_module

EXPORT_MODULES = frozenset({"keras", "onnx", "tensorflow", "tf2onnx"})
"""What the extra ``export`` brings."""


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras file from cxr train.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="PACKAGE", help="Folder to make; an older package is replaced."
        ),
    ],
    spec: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Spec for a model that carries none.")
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON", help="evaluation.json of MODEL, by cxr evaluate, for the model card."
        ),
    ] = None,
    notes: Annotated[
        Path | None,
        typer.Option(metavar="MD", help="Markdown for the model card: how it was chosen."),
    ] = None,
) -> None:
    """Export a Keras model to ONNX and TFLite; needs the extra 'export'.

    PACKAGE gets model.keras, model.onnx, model.tflite, spec.json, the model card README.md and
    SHA256SUMS. Each artefact carries the spec, so it can be scanned with alone.
    """
    from cxr_edge.model import read_spec_file

    given = read_spec_file(spec) if spec else None
    try:
        from cxr_export.package import export_package
    except ModuleNotFoundError as exc:
        if (missing := missing_module(exc)) not in EXPORT_MODULES:
            raise
        raise MissingExtra("cxr export", "export", missing) from exc
    exported = export_package(model, out, given, evaluation=evaluation, notes=notes)
    typer.echo(f"wrote {out} ({exported.name}, {exported.input})")
    for path in sorted(out.iterdir()):
        typer.echo(f"  {path.name:14} {path.stat().st_size / 1e6:6.2f} MB")
    typer.echo(f"next: cxr verify {out} --data FOLDER")
