"""``cxr audit``: check a labelled set, and write a manifest without its faults."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.labelled_data import DataArgument, PositiveOption
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.output_files import OverwriteOption, check_files, keep_existing
from cxr_edge.cli.styles import (
    IMAGENET,
    PICTURE,
    TABLE,
    features_exist,
    find_and_write_styles,
    open_features,
)
from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.system.ranges import HELD_OUT, SEED

if TYPE_CHECKING:
    from cxr_edge.datasets.audit import Audit
    from cxr_edge.datasets.classes import Classes
    from cxr_edge.datasets.labelled_image import LabelledImage


def audit(
    data: DataArgument,
    positive: PositiveOption = "",
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write all findings with their paths as JSON.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="MANIFEST",
            help="Write a manifest without the faults: split by patient, stratified by class, "
            "without duplicates.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    styles: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Cluster the images by appearance; write styles.csv and the picture styles.png.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    features: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="Features to cluster by: imagenet (needs the extra 'train'), or those of a model "
            "package that gives features.",
            callback=features_exist,
            rich_help_panel=panels.MODEL,
        ),
    ] = IMAGENET,
    seed: Annotated[
        int,
        typer.Option(**bounds(SEED), help="Seed of the new split.", rich_help_panel=panels.OUTPUT),
    ] = 2021,
    validation_fraction: Annotated[
        float,
        typer.Option(
            **bounds(HELD_OUT),
            help="Share of the images to validate on in the new split.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = 0.2,
    overwrite: OverwriteOption = False,
) -> None:
    """Check a labelled data set for leaks, duplicates and unreadable files.

    It looks for patients in several splits, files with the same bytes or nearly the same image,
    images with both labels, unreadable files and a validation split that is too small, and counts
    classes, sizes, formats and flags. With --styles it also names the clusters of images that look
    alike, and the counter-style images, whose class is rare among their look-alikes: a network can
    learn the look in place of the disease, and a split by patient does not show that. Exit code 3
    if files are unreadable.
    """
    from cxr_edge.datasets import audit as audits
    from cxr_edge.datasets.csv_manifest import write_csv_manifest
    from cxr_edge.datasets.listing import find_classes
    from cxr_edge.datasets.repair import repair
    from cxr_edge.storage.atomic import write_text_atomically

    if fix and fix.exists() and data.is_file() and fix.samefile(data):
        raise UsageError(f"--fix: expected another file than the manifest {data} that is audited")
    check_files({"--json": json_file, "--fix": fix}, overwrite=overwrite)
    if styles:
        keep_existing("--styles", [styles / TABLE, styles / PICTURE], overwrite=overwrite)
    classes = find_classes(data, positive)
    source = open_features(features) if styles else None  # before all images are read
    read = audits.read_set(data, classes)
    found = audits.audit(read)
    _print(found, classes)
    try:
        if json_file:
            text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
            write_text_atomically(json_file, text + "\n")
        if fix:
            images, left_out = repair(read, seed, validation_fraction)
            write_csv_manifest(fix, images, classes)
            _print_repair(fix, images, left_out)
        if styles and source:
            find_and_write_styles(read, source, styles)
    except OSError as exc:
        raise UsageError(f"{exc.filename} cannot be written: {exc.strerror}") from exc
    if found.unreadable:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _print_repair(path: Path, images: Sequence["LabelledImage"], left_out: Counter[str]) -> None:
    from cxr_edge.datasets.labelled_image import TRAIN, VALIDATION
    from cxr_edge.datasets.patient_split import LEAST

    splits = Counter(image.split for image in images)
    counts = ", ".join(f"{count} {split}" for split, count in sorted(splits.items()))
    why = ", ".join(f"{count} {reason}" for reason, count in left_out.items()) or "nothing"
    typer.echo(f"wrote {path}: {len(images)} images ({counts}); left out: {why}")
    for side in (TRAIN, VALIDATION):
        by_class = Counter(image.label for image in images if image.split == side)
        if len(by_class) == 2 and side == VALIDATION and (few := min(by_class.values())) < LEAST:
            typer.echo(
                f"warning: the {side} split has {few} images of a class, and 'cxr train' needs "
                f"{LEAST}; add patients, or hold out more with --validation-fraction",
                err=True,
            )
        if len(by_class) == 1:
            typer.echo(
                f"warning: the {side} split has images of one class only, so 'cxr train' will "
                "reject this manifest; add patients",
                err=True,
            )


def _print(found: "Audit", classes: "Classes") -> None:
    from cxr_edge.cli.tables import print_facts, print_table

    print_table(
        ("split", *classes, "prevalence", "patients"),
        [
            (
                name or "(none)",
                *(str(split.images[label]) for label in classes),
                f"{split.prevalence:.1%}",
                str(split.patients),
            )
            for name, split in found.splits.items()
        ],
    )
    print_facts("", _facts(found))
    for path, reason in found.unreadable.items():
        typer.echo(f"unreadable: {path} ({reason})")
    for warning in found.warnings():
        typer.echo(f"warning: {warning}")


def _facts(found: "Audit") -> list[tuple[str, str]]:
    formats = ", ".join(f"{count} {name}" for name, count in found.formats.items())
    several = f"{found.patients_with_several}, at most {found.most_images} each"
    flags = ", ".join(f"{count} {name}" for name, count in found.flags.items())
    return [
        ("patients with several images", several),
        ("patients in several splits", str(len(found.patients_across))),
        ("images under several names", str(len(found.exact_duplicates))),
        ("  with both labels", str(len(found.conflicting))),
        ("pairs of near duplicates", str(len(found.near_duplicates))),
        ("  with both labels", str(found.near_conflicting)),
        ("duplicates across splits or patients", str(found.duplicates_across)),
        ("unreadable files", str(len(found.unreadable))),
        ("width: least, median, largest", "{} / {} / {}".format(*found.widths)),
        ("height: least, median, largest", "{} / {} / {}".format(*found.heights)),
        ("formats", formats),
        ("flags", flags or "none"),
    ]
