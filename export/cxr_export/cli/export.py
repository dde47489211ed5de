"""``cxr export``: a Keras model to a model package."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import SpecFile
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.errors import ParityError
from cxr_edge.extras import needs_extra
from cxr_edge.models.package import FORMATS
from cxr_export.cli.gate_options import GateOptions

_ALL: Final = "all"
"""In place of the names of all formats."""


@with_option_groups
def export(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A .keras file from cxr train, or a .keras or .h5 file from elsewhere.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="PACKAGE",
            help="Folder to create; an older package in its place is replaced.",
            show_default=False,
            rich_help_panel=panels.OUTPUT,
        ),
    ],
    *,
    formats: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"{_ALL}, or some of {', '.join(FORMATS)}, separated by commas.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = _ALL,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON",
            help="evaluation.json of MODEL from cxr evaluate, for the model card.",
            show_default=False,
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    notes: Annotated[
        Path | None,
        typer.Option(
            metavar="MD",
            help="Markdown for the model card: how the model was chosen.",
            show_default=False,
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    license_name: Annotated[
        str,
        typer.Option(
            "--license",
            metavar="NAME",
            help="License of the model for the model card, as in apache-2.0.",
            show_default="not stated",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = "",
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATA",
            help="Images to calibrate with: folders or manifests; repeatable. Needed for fp16, "
            "int8 and dynamic formats.",
            show_default=False,
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATA",
            help="Images to judge on: folders or manifests; repeatable.",
            show_default="the validation images in --calibration, else 30% of its patients",
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    calibration_images: Annotated[
        int,
        typer.Option(
            min=1,
            help="Images to calibrate with first; a later attempt takes four times as many.",
            rich_help_panel=panels.INPUT,
        ),
    ] = 128,
    images: Annotated[
        int,
        typer.Option(
            min=1, help="Largest number of images to judge on.", rich_help_panel=panels.INPUT
        ),
    ] = 1000,
    spec: SpecFile = None,
    gate_options: GateOptions,
) -> None:
    """Export a Keras model to ONNX and TFLite.

    PACKAGE gets model.keras, the artefacts, spec.json, parity.json, selftest.zip, the model card
    README.md and SHA256SUMS. Each artefact carries the spec, so you can scan with a single file.

    A quantized format is tried in several ways until its labels agree with those of MODEL. A
    format that fails its limits for sure in all of them is left out of PACKAGE, and the exit code
    is 4. Needs the extra 'export'.
    """
    from cxr_edge.models.locate import read_spec_file

    given = read_spec_file(spec) if spec else None
    with needs_extra("cxr export", "export"):
        from cxr_export.packaging.export import explain_withheld, export_package
        from cxr_export.packaging.request import Request
        from cxr_export.parity.tables import remarks
    names = FORMATS if formats == _ALL else (name.strip() for name in formats.split(","))
    request = Request(
        formats=tuple(names),
        calibration=calibration or (),
        data=data or (),
        calibration_images=calibration_images,
        judged_images=images,
        gates=gate_options.gates(),
        evaluation=evaluation,
        notes=notes,
        license_name=license_name,
    )
    exported = export_package(model, out, given, request, typer.echo)
    typer.echo(f"wrote {out} ({exported.spec.name}, {exported.spec.input})")
    for path in sorted(out.iterdir()):
        typer.echo(f"  {path.name:20} {path.stat().st_size / 1e6:6.2f} MB")
    if exported.report:
        for line in remarks(exported.report.to_dict()):
            typer.echo(line)
    if exported.withheld:
        raise ParityError(explain_withheld(exported.withheld, model))
    typer.echo(f"next: cxr verify {out} --data FOLDER")
