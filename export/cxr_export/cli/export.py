"""``cxr export``: a Keras model to a model package."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.errors import ParityError
from cxr_edge.extras import needs_extra
from cxr_edge.models.gates import (
    AUC_LOSS,
    FLIPS,
    FP16_DIFFERENCE,
    FP32_DIFFERENCE,
    SENSITIVITY_LOSS,
)
from cxr_edge.models.package import FORMATS
from cxr_export.cli.gate_options import (
    AucLoss,
    Flips,
    Fp16Difference,
    Fp32Difference,
    SensitivityLoss,
    gates,
)


def export(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="A .keras file from cxr train; .keras or .h5 of others."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="PACKAGE", help="Folder to make; an older package is replaced."
        ),
    ],
    formats: Annotated[
        str, typer.Option(metavar="NAMES", help=f"all, or some of {', '.join(FORMATS)}.")
    ] = "all",
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATA",
            help="Images to calibrate with, folders or manifests; may be given again. Formats of "
            "fewer bits need them.",
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATA",
            help="Images to judge on. Without: those of --calibration that are of other patients, "
            "the validation patients where MODEL says who they are.",
        ),
    ] = None,
    calibration_images: Annotated[
        int, typer.Option(min=1, help="Images to calibrate with; four times as many if need be.")
    ] = 128,
    images: Annotated[int, typer.Option(min=1, help="Images to judge on, at most.")] = 1000,
    fp32_difference: Fp32Difference = FP32_DIFFERENCE,
    fp16_difference: Fp16Difference = FP16_DIFFERENCE,
    flips: Flips = FLIPS,
    auc_loss: AucLoss = AUC_LOSS,
    sensitivity_loss: SensitivityLoss = SENSITIVITY_LOSS,
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

    PACKAGE gets model.keras, the artefacts, spec.json, parity.json, selftest.zip, the model card
    README.md and SHA256SUMS. Each artefact carries the spec, so it can be scanned with alone. One
    of fewer bits is tried in several ways until it decides as MODEL does; what never passes is not
    put into PACKAGE, and the exit code is 4.
    """
    from cxr_edge.models.locate import read_spec_file

    given = read_spec_file(spec) if spec else None
    with needs_extra("cxr export", "export"):
        from cxr_export.packaging.export import explain_withheld, export_package
        from cxr_export.packaging.request import Request
        from cxr_export.parity.tables import remarks
    request = Request(
        formats=tuple(FORMATS)
        if formats == "all"
        else tuple(name.strip() for name in formats.split(",")),
        calibration=calibration or (),
        data=data or (),
        calibration_images=calibration_images,
        judged_images=images,
        gates=gates(fp32_difference, fp16_difference, flips, auc_loss, sensitivity_loss),
        evaluation=evaluation,
        notes=notes,
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
