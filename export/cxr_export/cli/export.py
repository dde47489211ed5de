"""``cxr export``: a Keras model to a model package."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import SpecFile
from cxr_edge.cli.existing import existing
from cxr_edge.cli.model_argument import existing_model
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.cli.output_files import OverwriteOption, keep_existing
from cxr_edge.errors import ExitCode, ParityError
from cxr_edge.extras import needs_extra
from cxr_edge.models.package import FORMATS
from cxr_edge.system.progress import stage
from cxr_edge.system.ranges import IMAGES
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
            is_eager=True,
            callback=existing_model,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="PACKAGE",
            help="Folder to create.",
            show_default=False,
            rich_help_panel=panels.OUTPUT,
        ),
    ],
    *,
    formats: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"{_ALL} that can be made, or some of {', '.join(FORMATS)}, separated by commas.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = _ALL,
    heat_map: Annotated[
        bool,
        typer.Option(
            help="Give artefacts a heat map for cxr scan --heatmaps, as a second output, where the "
            "network can; versions of cxr-edge without that option refuse such artefacts.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = True,
    features: Annotated[
        bool,
        typer.Option(
            help="Give artefacts a feature vector for the input check, as another output, where "
            "the network can; versions of cxr-edge without the check refuse such artefacts.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = True,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON",
            help="evaluation.json of MODEL from cxr evaluate, for the model card.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    notes: Annotated[
        Path | None,
        typer.Option(
            metavar="MD",
            help="Markdown for the model card: how the model was chosen.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    license_name: Annotated[
        str,
        typer.Option(
            "--license",
            metavar="NAME",
            help="License of the model for the model card, such as apache-2.0.",
            show_default="not stated",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = "",
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATA",
            help="Images to calibrate with: folders or manifests; repeatable. Without them fp16, "
            "int8 and dynamic formats are left out.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATA",
            help="Images to judge on: folders or manifests; repeatable.",
            show_default="the validation images in --calibration, else 30% of its patients",
            callback=existing,
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    not_chest: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Images that are no frontal chest X-rays, in a folder for each kind such as "
            "photo, knee and lateral: the model's input is then checked by statistics of these "
            "and of all images of --calibration; repeatable.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    more_chest: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Frontal chest X-rays of other hospitals, which the check is not to take for "
            "other images; repeatable.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    calibration_images: Annotated[
        int,
        typer.Option(
            **bounds(IMAGES),
            help="Images to calibrate with first; a later attempt takes four times as many.",
            rich_help_panel=panels.INPUT,
        ),
    ] = 128,
    images: Annotated[
        int,
        typer.Option(
            **bounds(IMAGES),
            help="Largest number of images to judge on.",
            rich_help_panel=panels.INPUT,
        ),
    ] = 1000,
    overwrite: OverwriteOption = False,
    spec: SpecFile = None,
    gate_options: GateOptions,
) -> None:
    """Export a Keras model to ONNX and TFLite.

    PACKAGE gets model.keras, the artefacts, spec.json, selftest.zip, the model card README.md and
    SHA256SUMS; with --calibration, parity.json too, which 'cxr verify' writes otherwise. Each
    artefact carries the spec, so you can scan with a single file.

    A quantized format is tried in several ways until its labels agree with those of MODEL. If all
    of them exceed a limit for sure, the format is left out of PACKAGE, and the exit code is 4. A
    format that cannot hold the network is left out too; the exit code is then 3. Needs the
    extra 'export'.
    """
    from cxr_edge.models.locate import read_spec_file
    from cxr_edge.storage.system_names import is_taken, names_in
    from cxr_export.keras_models.locate import require_keras_file

    require_keras_file(model)
    keep_existing("--out", [out], overwrite=overwrite or not is_taken(out))
    given = read_spec_file(spec) if spec else None
    with stage("loading TensorFlow"), needs_extra("cxr export", "export"):
        from cxr_export.packaging.export import (
            explain_impossible,
            explain_withheld,
            export_package,
        )
        from cxr_export.packaging.request import Request
        from cxr_export.parity.tables import remarks
    names = () if formats == _ALL else (name.strip() for name in formats.split(","))
    request = Request(
        formats=tuple(names),
        calibration=calibration or (),
        data=data or (),
        calibration_images=calibration_images,
        judged_images=images,
        gates=gate_options.gates(),
        evaluation=evaluation,
        notes=notes,
        heat_map=heat_map,
        features=features,
        not_chest=not_chest or (),
        more_chest=more_chest or (),
        license_name=license_name,
    )
    exported = export_package(model, out, given, request, typer.echo)
    typer.echo(f"wrote {out} ({exported.spec.name}, {exported.spec.input})")
    for name in names_in(out):
        typer.echo(f"  {name:20} {(out / name).stat().st_size / 1e6:6.2f} MB")
    if request.left_out:
        typer.echo(f"left out, since they need --calibration DATA: {', '.join(request.left_out)}")
    if exported.report:
        for line in remarks(exported.report.to_dict()):
            typer.echo(line)
    if exported.impossible:
        typer.echo(explain_impossible(exported.impossible), err=True)
    if exported.withheld:
        raise ParityError(explain_withheld(exported.withheld, model))
    typer.echo(f"next: cxr verify {out} --data FOLDER")
    if exported.impossible:
        raise typer.Exit(ExitCode.SOME_FAILED)
