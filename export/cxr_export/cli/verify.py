"""``cxr verify``: tell whether a package's artefacts decide as its Keras model does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_edge.cli.self_test_table import run_self_test
from cxr_edge.errors import UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.models.gates import (
    AUC_LOSS,
    FLIPS,
    FP16_DIFFERENCE,
    FP32_DIFFERENCE,
    SENSITIVITY_LOSS,
)
from cxr_export.cli.gate_options import (
    AucLoss,
    Flips,
    Fp16Difference,
    Fp32Difference,
    SensitivityLoss,
    gates,
)

if TYPE_CHECKING:
    from cxr_export.parity.report import ParityReport

_BISECTED: Final = 8
"""Images that layers are compared on."""


def verify(
    package: Annotated[
        Path,
        typer.Argument(
            metavar="PACKAGE", help="Folder from cxr export, an artefact in one, or 'default'."
        ),
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", metavar="DATA", help="Images to compare on, folders or manifests; repeatable."
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with this, not with PACKAGE's model.keras."),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="Spec of a reference that carries none."),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(
            min=1, help="So many images at most, of each class alike.", show_default="all"
        ),
    ] = None,
    held_out: Annotated[
        bool,
        typer.Option("--held-out", help="Only images of patients the model was validated on."),
    ] = False,
    fp32_difference: Fp32Difference = FP32_DIFFERENCE,
    fp16_difference: Fp16Difference = FP16_DIFFERENCE,
    flips: Flips = FLIPS,
    auc_loss: AucLoss = AUC_LOSS,
    sensitivity_loss: SensitivityLoss = SENSITIVITY_LOSS,
    bisect: Annotated[
        bool,
        typer.Option("--bisect", help="Name the first layer at which an artefact parts; slow."),
    ] = False,
    layer_tolerance: Annotated[
        float | None,
        typer.Option(
            min=0, help="--bisect: largest relative error of a layer.", show_default="by precision"
        ),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Golden images of the package; needs no data, no extra."),
    ] = False,
    runtime: Annotated[
        str,
        typer.Option(
            help="For --self-test: auto (all that are installed), onnx, litert or openvino."
        ),
    ] = "auto",
    write: Annotated[
        bool,
        typer.Option(help="Write the findings to PACKAGE where it is a folder."),
    ] = True,
) -> None:
    """Compare every artefact with Keras on real images; needs the extra 'export'.

    The same files go through all of them, from their bytes to the label. Exit code 4 if one does
    not pass the gate of its precision, or decides otherwise in batches of another size.

    --self-test runs the package's own golden images instead, in every installed runtime, to tell
    whether this machine gives what the one gave that made the package. It needs neither images nor
    the extra. Exit code 4 if not.
    """
    from cxr_edge.cli.model_argument import find_package

    folder, artefact = find_package(package)
    if self_test:
        run_self_test(folder, runtime, artefact)
        if not data:
            return
    if not data:
        raise UsageError("expected images to compare on: give --data DATA, or --self-test")
    with needs_extra("cxr verify", "export"):
        from cxr_edge.datasets.image_set import load_images
        from cxr_export.parity.images import choose, list_parity_images
        from cxr_export.parity.images import held_out as of_validation
        from cxr_export.parity.verify import verify_package
    from cxr_edge.models.locate import package_spec, read_spec_file
    from cxr_edge.models.package import ORIGINAL

    meant = package_spec(folder)
    limits = gates(fp32_difference, fp16_difference, flips, auc_loss, sensitivity_loss)
    listed = list_parity_images(data, meant.labels)
    if held_out:
        listed = of_validation(listed, meant)
    chosen = choose(listed, images) if images else listed
    loaded = load_images(chosen, meant.labels, meant.input, skip_unreadable=True)
    given = read_spec_file(spec) if spec else None
    report = verify_package(folder, loaded, reference, limits, artefact, given)
    _print(report)
    if write and folder == package:  # what is installed stays as it is, what is one of six too
        _record(folder, report)
    if bisect:
        _bisect(report, folder, reference or folder / ORIGINAL, layer_tolerance)
    report.require()


def _record(package: Path, report: "ParityReport") -> None:
    """Write the findings; that they cannot be written is no reason to hide a failed gate."""
    from cxr_edge.errors import DataError
    from cxr_export.packaging.export import record

    try:
        written = record(package, report)
    except DataError as exc:
        if not report.mismatches:
            raise
        typer.echo(f"error: {exc}", err=True)
    else:
        typer.echo(f"wrote {', '.join(written)} in {package}")


def _bisect(
    report: "ParityReport", package: Path, reference: Path, tolerance: float | None
) -> None:
    """Look into the artefacts that failed, or into all where none did."""
    from cxr_edge.errors import CxrError
    from cxr_export.parity.bisect import TOLERANCES, bisect

    pixels = report.images.pixels[:_BISECTED]
    failed = [artefact for artefact in report.artefacts if not artefact.passed]
    for artefact in failed or report.artefacts:
        limit = TOLERANCES[artefact.precision] if tolerance is None else tolerance
        try:
            found = bisect(reference, package / artefact.artefact, pixels, limit)
        except CxrError as exc:  # the gates have the last word
            typer.echo(f"--bisect: {exc}", err=True)
        else:
            typer.echo(f"\n{found}" if artefact in failed else found.verdict)


def _print(report: "ParityReport") -> None:
    from cxr_edge.cli.tables import print_table
    from cxr_export.parity.tables import (
        differences_table,
        headline,
        metric_changes_table,
        remarks,
        size_and_time_table,
    )

    findings = report.to_dict()
    for make in (differences_table, metric_changes_table, size_and_time_table):
        columns, rows = make(findings)
        if rows:
            print_table(columns, rows)
            typer.echo()
    typer.echo(headline(findings))
    for line in remarks(findings):
        typer.echo(line)
