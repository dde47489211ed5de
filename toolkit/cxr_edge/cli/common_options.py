"""Options that several commands share."""

from typing import Annotated

import typer

from cxr_edge.cli import panels

Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Files processed in parallel.",
        show_default="usable CPUs",
        rich_help_panel=panels.SPEED,
    ),
]

Timeout = Annotated[
    float,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="Time limit per file; a file that takes longer fails.",
        rich_help_panel=panels.SAFETY,
    ),
]

Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print no progress bar and no summary.",
        rich_help_panel=panels.OUTPUT,
    ),
]
