"""``cxr compare``: training runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.extras import needs_extra


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders that cxr train wrote.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for table and picture.")
    ] = Path("comparison"),
) -> None:
    """Put training runs into one table and one plot, by their validation images.

    DIR gets compare.md, with the command of each run, and compare.png (ROC curves). Of several
    seeds of an architecture the mean and the spread are given too. Needs the extra 'evaluate'.
    """
    with needs_extra("cxr compare", "evaluate"):
        from cxr_edge.training import compare_runs as runs_compared
    typer.echo(runs_compared.compare(runs, out))
    typer.echo(f"wrote {out / runs_compared.TABLE}")
