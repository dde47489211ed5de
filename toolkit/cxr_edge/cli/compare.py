"""``cxr compare``: training runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.existing import existing
from cxr_edge.cli.output_files import OverwriteOption, keep_existing
from cxr_edge.extras import needs_extra


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Folders that 'cxr train' wrote.",
            show_default=False,
            callback=existing,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for compare.md and compare.png; created.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = Path("comparison"),
    overwrite: OverwriteOption = False,
) -> None:
    """Compare training runs in one table and one plot, on their validation images.

    DIR gets compare.md, with the command of each run, and compare.png with the ROC curves. The AUC
    of the worst group by appearance comes first, where a run was measured so. For runs that differ
    only in the seed, mean and standard deviation are given too. Needs the extra 'evaluate'.
    """
    with needs_extra("cxr compare", "evaluate"):
        from cxr_edge.training import compare_runs
    from cxr_edge.cli.tables import print_table

    written = (compare_runs.TABLE, compare_runs.PICTURE)
    keep_existing("--out", [out / name for name in written], overwrite=overwrite)
    found = compare_runs.compare(runs, out)
    print_table(found.table.columns, found.table.rows)
    if found.seeds:
        typer.echo(f"\n{compare_runs.SEEDS_TITLE}")
        print_table(found.seeds.columns, found.seeds.rows)
    if found.remarks:
        typer.echo(f"\n{found.remarks}")
    if found.caution:
        typer.echo(f"\n{found.caution}")
    if found.data_warning:
        typer.echo(f"warning: {found.data_warning}", err=True)
    typer.echo(f"wrote {out / compare_runs.TABLE}")
