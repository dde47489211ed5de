"""``cxr average``: several training runs to one network."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.cli.train import TRAIN_MODULES, print_spec
from cxr_edge.errors import MissingExtra, missing_module


def average(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="The films that the runs were trained on.")
    ],
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of cxr train, alike but for the seed."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RUN", help="Run folder; created.")
    ] = Path("average"),
    name: Annotated[
        str, typer.Option(help="Name of the model in reports; that of the first run without.")
    ] = "",
) -> None:
    """Average the weights of runs that differ in the seed alone; needs the extra 'train'.

    For networks that were fine-tuned from the same pretrained weights: their mean costs as much as
    one of them and is as robust as all together. Batch norms are adjusted on training films, and
    the result is calibrated and described like any run.
    """
    try:
        from cxr_edge.training import average as averaging
        from cxr_edge.training.runfolder import MODEL
    except ModuleNotFoundError as exc:
        if (missing := missing_module(exc)) not in TRAIN_MODULES:
            raise
        raise MissingExtra("cxr average", "train", missing) from exc
    print_spec(averaging.average(runs, data, out, name))
    typer.echo(f"wrote {out / MODEL}")
