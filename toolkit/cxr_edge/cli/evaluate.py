"""``cxr evaluate``: a model's figures on labelled images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import RuntimeName
from cxr_edge.cli.common_options import AllowNondeterministic, RuntimeChoice, SpecFile
from cxr_edge.cli.existing import existing
from cxr_edge.cli.labelled_data import DataArgument, SkipUnreadableOption
from cxr_edge.cli.model_argument import existing_model
from cxr_edge.cli.output_files import OverwriteOption, keep_existing
from cxr_edge.errors import ExitCode
from cxr_edge.extras import needs_extra

if TYPE_CHECKING:
    from cxr_edge.evaluation.evaluate import Evaluation
    from cxr_edge.evaluation.tables import FigureTable


def evaluate(
    data: DataArgument,
    split: Annotated[
        Literal["train", "validation", "test", "all"] | None,
        typer.Option(
            metavar="SPLIT",
            help="Split to evaluate: train, validation, test or all.",
            show_default="test, else validation, else all",
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    skip_unreadable: SkipUnreadableOption = False,
    styles: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The styles.csv of 'cxr audit DATA --styles DIR': also report by appearance.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="'default', a model package, an .onnx, .tflite, .keras or .h5 file, or a "
            "SavedModel folder; the last three run in Keras. Its classes must be those of DATA.",
            rich_help_panel=panels.MODEL,
            is_eager=True,
            callback=existing_model,
        ),
    ] = "default",
    spec: SpecFile = None,
    runtime: RuntimeChoice = RuntimeName.AUTO,
    allow_nondeterministic: AllowNondeterministic = False,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for report, figures, predictions and pictures; created.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = Path("evaluation"),
    overwrite: OverwriteOption = False,
    shifted: Annotated[
        bool,
        typer.Option(
            "--shifted",
            help="Also score copies with other brightness, contrast, gamma, crop, JPEG quality and "
            "exposure.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False,
    counterfactual: Annotated[
        bool,
        typer.Option(
            "--counterfactual",
            help="Also score copies with markers added, markers removed, borders masked, and blur.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False,
) -> None:
    """Score labelled images and report AUC, sensitivity, specificity and calibration.

    DIR gets report.md with all tables and pictures (confusion, ROC, precision-recall, reliability,
    worst errors), evaluation.json and predictions.csv. The report is about the images that the
    model was not trained on, by their SHA-256. A model of an earlier version does not list its
    images; then this is not known, or file names tell its validation patients. Needs the extra
    'evaluate'. Exit code 3 if unreadable files were left out.
    """
    with needs_extra("cxr evaluate", "evaluate"):
        from cxr_edge.evaluation.labelled_data import evaluate as evaluate_data
        from cxr_edge.evaluation.report import FIGURES, REPORT, check_folder, write_evaluation
    from cxr_edge.jobs.session import ScanConfig, Session
    from cxr_edge.runtimes.batches import BATCH
    from cxr_edge.system.cpu import usable_cpus

    check_folder(out)
    keep_existing("--out", [out / FIGURES], overwrite=overwrite)
    session = Session.open(
        ScanConfig(
            model=model,
            spec=spec,
            runtime=runtime.value,
            batch_size=BATCH,
            threads=usable_cpus(),
            allow_nondeterministic=allow_nondeterministic,
        ),
        originals=True,
    )
    for warning in session.warnings:
        typer.echo(f"warning: {warning}", err=True)
    found = evaluate_data(
        session.model,
        data,
        split=split,
        skip_unreadable=skip_unreadable,
        copies=shifted,
        counterfactual=counterfactual,
        styles=styles,
    )
    images = found.images
    for file in images.unreadable:
        typer.echo(f"left out, unreadable: {file}")
    if split is None and len(splits := {image.split for image in images.images}) == 1:
        (taken,) = splits
        if taken:
            typer.echo(f"split: {taken} (--split chooses another)")
    write_evaluation(found, out)
    _print(found)
    typer.echo(f"wrote {out / REPORT}")
    if images.unreadable:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _print(found: "Evaluation") -> None:
    from cxr_edge.evaluation.appearance import EXPLAINED, groups_table
    from cxr_edge.evaluation.report import describe, matrices, report_by_class
    from cxr_edge.evaluation.tables import copies_table, points_table, shifts_table
    from cxr_edge.evaluation.worst_group import worst_group

    point = found.spec.operating_point()
    for name in dict.fromkeys((found.group, *found.groups)):  # the headline first
        figures = found.groups[name]
        typer.echo(f"{name}: {describe(figures)}, AUC {figures.auc or '-'}")
    for remark in found.overlap.remarks:
        typer.echo(remark)
    error = f"{found.figures.calibration_error:.4f}"
    typer.echo(f"\nruntime: {found.runtime}\n{found.group}: calibration error {error}\n")
    _print_table(points_table(found.figures))
    typer.echo(f"at {point.name} (threshold {point.threshold:.6f})\n")
    typer.echo(report_by_class(found, point.name))
    typer.echo(f"\n{matrices(found.figures.point(point.name))}\n")
    if found.copies:
        _print_table(copies_table(found.copies, point.name))
    if found.counterfactual:
        _print_table(shifts_table(found.counterfactual))
    if found.by_style:
        _print_table(groups_table(found.by_style))
        typer.echo(EXPLAINED)
        if worst := worst_group(found.by_style):
            typer.echo(f"worst group: {worst[0]}, AUC {worst[1]}")


def _print_table(table: "FigureTable") -> None:
    from cxr_edge.cli.tables import print_table

    print_table(table.columns, table.rows)
    typer.echo()
