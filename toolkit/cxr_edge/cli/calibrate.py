"""``cxr calibrate``: a model's figures at a site, and operating points for it."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import RuntimeName
from cxr_edge.cli.common_options import AllowNondeterministic, RuntimeChoice, SpecFile
from cxr_edge.cli.existing import existing
from cxr_edge.cli.labelled_data import SkipUnreadableOption
from cxr_edge.cli.model_argument import existing_model, place_of
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.output_files import OverwriteOption, check_files, keep_existing
from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.spec.operating_point import SCREENING_SENSITIVITY
from cxr_edge.system.ranges import KEPT_SENSITIVITY

if TYPE_CHECKING:
    from cxr_edge.evaluation.site_check import SiteCheck


def calibrate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="'default', a model package, or an .onnx or .tflite file.",
            show_default=False,
            is_eager=True,
            callback=existing_model,
        ),
    ],
    labels: Annotated[
        Path,
        typer.Option(
            "--labels",
            metavar="DATA",
            help="Labelled images of the site: a folder with one folder of images per class, or a "
            "CSV manifest, as for cxr evaluate. All splits are used.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.INPUT,
        ),
    ],
    skip_unreadable: SkipUnreadableOption = False,
    screening_sensitivity: Annotated[
        float,
        typer.Option(
            **bounds(KEPT_SENSITIVITY),
            help="Sensitivity that the threshold 'screening' keeps on these images.",
            rich_help_panel=panels.INPUT,
        ),
    ] = SCREENING_SENSITIVITY,
    spec: SpecFile = None,
    runtime: RuntimeChoice = RuntimeName.AUTO,
    allow_nondeterministic: AllowNondeterministic = False,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for report, figures and predictions; created.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = Path("site-check"),
    write: Annotated[
        Path | None,
        typer.Option(
            "--write",
            metavar="JSON",
            help="Write a spec with the operating points of the site, for --spec.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Check a model on a labelled sample of a site, and choose operating points there.

    AUC, calibration error, sensitivity and specificity stand beside those of the model's spec, with
    95 % intervals. Then Platt scaling and the thresholds screening and balanced are chosen on these
    images, with out-of-fold figures (patients in five folds). It takes at least 40 images of each
    class, of at least 10 patients. --write makes a spec for 'cxr scan --spec'; probabilities stay
    as they are, thresholds change. No scan is recommended where the model is close to useless at
    this site: a whole interval of sensitivity or specificity is below 0.5. Needs the extra
    'evaluate'. Exit code 3 if unreadable files were left out.
    """
    with needs_extra("cxr calibrate", "evaluate"):
        from cxr_edge.evaluation.report import REPORT, check_folder
        from cxr_edge.evaluation.site_check import check_site
        from cxr_edge.evaluation.site_report import SITE_FIGURES, WHAT, write_site_check
    from cxr_edge.jobs.session import ScanConfig, Session
    from cxr_edge.runtimes.batches import BATCH
    from cxr_edge.storage.atomic import write_text_atomically
    from cxr_edge.system.cpu import usable_cpus

    check_folder(out, SITE_FIGURES, WHAT)
    keep_existing("--out", [out / SITE_FIGURES], overwrite=overwrite)
    check_files({"--write": write}, overwrite=overwrite)
    for read in (labels, spec, place_of(model)):
        if write and write.exists() and read and read.exists() and write.samefile(read):
            raise UsageError(f"--write: expected another file than {read}, which is read")
    session = Session.open(
        ScanConfig(
            model=model,
            spec=spec,
            runtime=runtime.value,
            batch_size=BATCH,
            threads=usable_cpus(),
            allow_nondeterministic=allow_nondeterministic,
        )
    )
    for warning in session.warnings:
        typer.echo(f"warning: {warning}", err=True)
    check = check_site(
        session.model, labels, keep=screening_sensitivity, skip_unreadable=skip_unreadable
    )
    for file in check.found.images.unreadable:
        typer.echo(f"left out, unreadable: {file}")
    write_site_check(check, out)
    _print(check)
    typer.echo(f"wrote {out / REPORT}")
    if write:
        try:
            write_text_atomically(write, check.spec.to_json())
        except OSError as exc:
            raise UsageError(f"--write: {write} cannot be written: {exc.strerror}") from exc
        typer.echo(f"wrote {write}")
    if why := check.against_scans:
        typer.echo(f"no scan is recommended: {why} (see the notes above)")
    else:
        typer.echo(f"use it: {_scan(check, model, write, spec)}")
    if check.found.images.unreadable:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _scan(check: "SiteCheck", model: str, written: Path | None, given: Path | None) -> str:
    """Return the command that scans with the thresholds of the site."""
    words = ["cxr", "scan", "FOLDER", "--model", model]
    if spec := written or given:
        words += ["--spec", str(spec)]
    if not written:
        words += ["--threshold", f"{check.scanned_point.threshold:.6f}"]
    elif check.scanned_point.name != check.spec.default_operating_point:
        words += ["--operating-point", check.scanned_point.name]
    return shlex.join(words)


def _print(check: "SiteCheck") -> None:
    from cxr_edge.cli.tables import print_table
    from cxr_edge.evaluation.report import describe
    from cxr_edge.evaluation.site_report import (
        PREVALENCE,
        calibration_text,
        compared_table,
        points_text,
        site_table,
    )

    found = check.found
    patients = f"{found.images.patient_count} patients"
    typer.echo(f"{found.model}, {found.group}: {describe(found.figures)}, {patients}")
    for remark in found.overlap.remarks:
        typer.echo(remark)
    typer.echo("\nThe model as it is")
    compared, chosen = compared_table(check), site_table(check)
    print_table(compared.columns, compared.rows)
    typer.echo("\nOperating points for this site")
    print_table(chosen.columns, chosen.rows)
    typer.echo(f"{points_text(check)}\n\n{calibration_text(check)}\n{PREVALENCE}\n")
    for remark in check.remarks:
        typer.echo(f"note: {remark}")
