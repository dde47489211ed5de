"""The argument and the options that name labelled images, shared by several commands."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.existing import existing

DataArgument: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="Folder with one folder of images per class, in it or in its folders train, val and "
        "test; or a CSV manifest with the columns path, label and optionally patient, split, "
        "sha256.",
        show_default=False,
        callback=existing,
    ),
]
"""Labelled images."""

PositiveOption: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Name of the positive class. Needed unless the classes are NORMAL and PNEUMONIA.",
        show_default=False,
        rich_help_panel=panels.INPUT,
    ),
]
"""Positive class of labelled images."""

SkipUnreadableOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help="Leave unreadable files out and list them; the exit code is then 3.",
        rich_help_panel=panels.INPUT,
    ),
]
"""Whether unreadable files are left out."""
