"""Options of commands that write an HTML page."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.existing import existing_folder
from cxr_edge.errors import UsageError
from cxr_edge.system.printable import printable, shortened
from cxr_edge.system.ranges import PICTURES

_TOP: Final = "top:500"
"""Value of ``--thumbnails`` unless another is given."""

Thumbnails = Annotated[
    str | None,
    typer.Option(
        metavar="top:N|none",
        help="Pictures in the HTML page: of the first N images of the worklist, or none.",
        show_default=_TOP,
        rich_help_panel=panels.OUTPUT,
    ),
]

HeatMaps = Annotated[
    Path | None,
    typer.Option(
        "--heatmaps",
        metavar="DIR",
        help="Folder of heat maps to show beside the images: DIR/ward/a.dcm.png for ward/a.dcm.",
        rich_help_panel=panels.INPUT,
        callback=existing_folder,
    ),
]


def check_page(option: str, page: Path, report: Path) -> None:
    """Refuse a page in the place of its report, or of the manifest.

    Raises
    ------
    UsageError
        It would replace one of them.
    """
    from cxr_edge.reports.manifest import manifest_path

    if page.resolve() in (report.resolve(), manifest_path(report).resolve()):
        raise UsageError(
            f"{option}: expected another file than the report and its manifest, got {page}"
        )


def picture_count(thumbnails: str | None) -> int:
    """Return how many images get pictures by the value of ``--thumbnails``, or without it.

    Raises
    ------
    UsageError
        It is none of the values.
    """
    thumbnails = _TOP if thumbnails is None else thumbnails
    if thumbnails in ("none", "0"):
        return 0
    found = re.fullmatch(r"top:([0-9]{1,9})", thumbnails)
    if not found or int(found[1]) not in PICTURES:
        got = shortened(printable(thumbnails)) or "nothing"
        raise UsageError(f"--thumbnails: expected none, or top:N with N {PICTURES}, got {got}")
    return int(found[1])
