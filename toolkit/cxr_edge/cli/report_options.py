"""The report, and the images it is of, as commands take them that go on from a scan."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.existing import existing
from cxr_edge.cli.path_text import PathText

ScannedReport = Annotated[
    Path,
    typer.Argument(metavar="REPORT", help="Report of 'cxr scan'.", callback=existing),
]

ScannedImages = Annotated[
    list[PathText] | None,
    typer.Option(
        "--images",
        metavar="PATH",
        help="Folder or file that was scanned, where it is now. Repeat the option for several.",
        show_default="where they were",
        rich_help_panel=panels.INPUT,
        callback=existing,
        path_type=PathText,
    ),
]
