"""``cxr verify``: whether the artefacts of a package decide as its Keras model does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import RuntimeName
from cxr_edge.cli.existing import existing
from cxr_edge.cli.model_argument import existing_model, find_package
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.errors import UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.system.progress import stage
from cxr_edge.system.ranges import IMAGES, SHARE
from cxr_export.cli.gate_options import GateOptions

if TYPE_CHECKING:
    from cxr_export.parity.report import ParityReport

_BISECTED: Final = 8
"""Images on which layers are compared."""


@with_option_groups
def verify(
    package: Annotated[
        Path,
        typer.Argument(
            metavar="PACKAGE",
            help="Folder from cxr export, an artefact in one, 'default', or a bundle.",
            show_default=False,
            is_eager=True,
            callback=existing_model,
        ),
    ],
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Images to compare on: files, folders or manifests; repeatable.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(
            **bounds(IMAGES),
            help="Largest number of images, the same number of each class.",
            show_default="all",
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    held_out: Annotated[
        bool,
        typer.Option(
            "--held-out",
            help="Only images that the model was validated on.",
            rich_help_panel=panels.INPUT,
        ),
    ] = False,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Model to compare with.",
            show_default="PACKAGE's model.keras",
            callback=existing_model,
            rich_help_panel=panels.MODEL,
        ),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON",
            help="Spec of a reference that carries none.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.MODEL,
        ),
    ] = None,
    runtime: Annotated[
        RuntimeName,
        typer.Option(
            help="Runtime of --self-test; auto runs all that are installed.",
            rich_help_panel=panels.MODEL,
        ),
    ] = RuntimeName.AUTO,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Run the package's golden images; needs neither --data nor an extra.",
            rich_help_panel=panels.SAFETY,
        ),
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="PUBKEY",
            help="Of a bundle: the public key that it must be signed by.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.SAFETY,
        ),
    ] = None,
    unsigned: Annotated[
        bool,
        typer.Option(
            "--unsigned",
            help="Of a bundle: accept one that is not signed.",
            rich_help_panel=panels.SAFETY,
        ),
    ] = False,
    bisect: Annotated[
        bool,
        typer.Option(
            "--bisect",
            help="Name the first layer at which an artefact differs; slow.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False,
    layer_tolerance: Annotated[
        float | None,
        typer.Option(
            **bounds(SHARE),
            help="--bisect: largest relative error of a layer.",
            show_default="by precision",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    write: Annotated[
        bool,
        typer.Option(
            "--write/--no-write",
            help="Write the findings into PACKAGE, if it is a folder.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = True,
    gate_options: GateOptions,
) -> None:
    """Compare every artefact of a package with Keras on real images.

    The same files go through all of them, from their bytes to the label. Exit code 4 if an artefact
    exceeds the limits of its precision for sure, or if its answers depend on the batch size. If the
    images are too few to be sure, the result is inconclusive and the exit code 0. Needs the extra
    'export'.

    --self-test runs the package's golden images in every installed runtime instead, and compares
    the results with those recorded at export. Exit code 4 if they differ.

    For a bundle of cxr bundle, folder or .zip: whether every file is as it was made, and signed by
    --key. Exit code 1 if not.
    """
    from cxr_edge.cli.self_test_table import run_self_test
    from cxr_edge.models.bundle.archive import check_any_bundle, is_bundle
    from cxr_edge.models.bundle.layout import MODEL
    from cxr_edge.models.locate import package_spec, read_spec_file
    from cxr_export.keras_models.locate import keras_file

    if is_bundle(package):
        if data or self_test or bisect:
            raise UsageError(
                "expected a package for --data, --self-test and --bisect, got a bundle; its "
                f"package is {package / MODEL}"
            )
        with needs_extra("cxr verify BUNDLE --key", "bundle"):
            typer.echo(f"{package}: {check_any_bundle(package, key, unsigned=unsigned)}")
        return
    if key or unsigned:
        raise UsageError(f"expected a bundle for --key and --unsigned, got {package}")
    folder, artefact = find_package(package)
    if self_test:
        run_self_test(folder, runtime.value, artefact)
        if not data:
            return
    if not data:
        raise UsageError("expected images to compare on: give --data DATA, or --self-test")
    meant = package_spec(folder)
    if not reference:
        keras_file(folder, "artefacts are compared with it", "PACKAGE, or the file as --reference")
    given = read_spec_file(spec) if spec else None
    with stage("loading TensorFlow"), needs_extra("cxr verify", "export"):
        from cxr_edge.datasets.image_set import load_images
        from cxr_edge.datasets.training_images import TrainingImages
        from cxr_export.parity.images import even_choice, list_parity_images
        from cxr_export.parity.images import held_out as of_validation
        from cxr_export.parity.verify import verify_package
    from cxr_edge.models.package import ORIGINAL

    listed = list_parity_images(data, meant.labels)
    if held_out:
        facts = meant.provenance
        known = TrainingImages.read(folder, facts.data_sha256) if facts else None
        listed = of_validation(listed, meant, known)
    chosen = even_choice(listed, images) if images else listed
    loaded = load_images(chosen, meant.labels, meant.input, skip_unreadable=True)
    report = verify_package(folder, loaded, reference, gate_options.gates(), artefact, given)
    _print(report)
    if write and folder == package:  # neither an installed package nor one artefact of several
        _record(folder, report)
    if bisect:
        _bisect(report, folder, reference or folder / ORIGINAL, layer_tolerance)
    report.require()


def _record(package: Path, report: "ParityReport") -> None:
    """Write the findings; a failed gate is the more important error."""
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
    """Compare the layers of the artefacts that did not pass, or of all if all did."""
    from cxr_edge.cli.tables import print_table
    from cxr_edge.errors import CxrError
    from cxr_export.parity.bisect import TOLERANCES, bisect
    from cxr_export.parity.verdict import Verdict

    pixels = report.images.pixels[:_BISECTED]
    failed = [each for each in report.artefacts if each.verdict is not Verdict.PASSED]
    for artefact in failed or report.artefacts:
        limit = TOLERANCES[artefact.precision] if tolerance is None else tolerance
        try:
            with stage(f"comparing the layers of {artefact.artefact}"):
                found = bisect(reference, package / artefact.artefact, pixels, limit)
        except CxrError as exc:  # the result of the comparison stands all the same
            typer.echo(f"--bisect: {exc}", err=True)
            continue
        typer.echo(found.verdict)
        if artefact in failed:
            layers = found.table()
            print_table(layers.columns, layers.rows)
            typer.echo()


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
        table = make(findings)
        if table.rows:
            print_table(table.columns, table.rows)
            typer.echo()
    typer.echo(headline(findings))
    for line in remarks(findings):
        typer.echo(line)
