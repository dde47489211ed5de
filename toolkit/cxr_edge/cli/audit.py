"""``cxr audit``: tell what is wrong with a labelled set, and write one without."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from cxr_edge.datasets.audit import Audit


def audit(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with NORMAL and PNEUMONIA in it or in train, val, test, or a manifest.",
        ),
    ],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all findings as JSON.")
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="MANIFEST",
            help="Write a manifest without the faults: split by patient, stratified by class, "
            "no duplicates.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the new split.")] = 2021,
    validation_fraction: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Share of the images to validate on.")
    ] = 0.2,
) -> None:
    """Look for what spoils training and validation: leaks, duplicates, unreadable files.

    Patients on both sides of a split, files with the same bytes or nearly the same picture,
    classes by split, sizes, formats, colour, unreadable files, a validation split too small.
    Exit code 3 if files are unreadable.
    """
    from cxr_edge.datasets.audit import audit as look
    from cxr_edge.datasets.audit import read_set
    from cxr_edge.datasets.csv_manifest import write_manifest
    from cxr_edge.datasets.labelled_image import LABELS, TRAIN, VALIDATION
    from cxr_edge.datasets.repair import mend

    if fix and fix.exists() and data.is_file() and fix.samefile(data):
        raise UsageError(f"--fix: expected another file than the manifest {data} that is audited")
    read = read_set(data)
    found = look(read)
    _print(found)
    try:
        if json_file:
            text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
            json_file.write_text(text + "\n", encoding="utf-8", errors="surrogateescape")
        if fix:
            images, left_out = mend(read, seed, validation_fraction)
            write_manifest(fix, images)
            why = ", ".join(f"{count} {reason}" for reason, count in left_out.items()) or "nothing"
            splits = sorted({image.split for image in images})
            counts = ", ".join(
                f"{sum(image.split == split for image in images)} {split}" for split in splits
            )
            typer.echo(f"wrote {fix}: {len(images)} images ({counts}); left out: {why}")
            for side in (TRAIN, VALIDATION):
                marked = [image.label for image in images if image.split == side]
                if len(set(marked)) < len(LABELS):
                    typer.echo(
                        f"warning: the {side} split has {len(marked)} images of one class only, so "
                        "'cxr train' refuses this manifest: the images are of too few patients, or "
                        "too much alike",
                        err=True,
                    )
    except OSError as exc:
        raise UsageError(f"{exc.filename} cannot be written: {exc.strerror}") from exc
    if found.unreadable:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _print(found: "Audit") -> None:
    from rich.console import Console
    from rich.table import Table

    from cxr_edge.datasets.labelled_image import LABELS

    console = Console(highlight=False, soft_wrap=True)
    table = Table("split", box=None, pad_edge=False)
    for title in (*LABELS, "prevalence", "patients"):
        table.add_column(title, justify="right")
    for name, split in found.splits.items():
        table.add_row(
            name or "(none)",
            *(str(split.images[label]) for label in LABELS),
            f"{split.prevalence:.1%}",
            str(split.patients),
        )
    console.print(table)
    facts = Table(box=None, pad_edge=False, show_header=False)
    rows: dict[str, object] = {
        "patients with several images": f"{found.patients_with_several}, up to {found.most_images}",
        "patients on several sides": len(found.patients_across),
        "images under several names": len(found.exact_duplicates),
        "  with different labels": len(found.conflicting),
        "pairs nearly the same": len(found.near_duplicates),
        "  of them under both labels": found.near_conflicting,
        "  duplicates across sides or patients": found.duplicates_across,
        "unreadable files": len(found.unreadable),
        "width, least to largest": "{} / {} / {}".format(*found.widths),
        "height, least to largest": "{} / {} / {}".format(*found.heights),
        "formats": ", ".join(f"{count} {name}" for name, count in found.formats.items()),
        "flags": ", ".join(f"{count} {name}" for name, count in found.flags.items()) or "none",
    }
    for name, value in rows.items():
        facts.add_row(name, str(value))
    console.print(facts)
    for path, reason in found.unreadable.items():
        console.print(f"unreadable: {path} ({reason})", markup=False)
    for warning in found.warnings():
        console.print(f"warning: {warning}", markup=False)
