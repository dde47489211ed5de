"""Options of a scan into shards."""

from dataclasses import dataclass
from typing import Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import ShardFormatName
from cxr_edge.cli.numbers import bounds
from cxr_edge.errors import UsageError
from cxr_edge.system.ranges import SHARD_SIZE


@dataclass(frozen=True)
class ShardOptions:
    """Options of a scan into shards."""

    shards: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Folder, or s3://BUCKET/FOLDER, for the rows as many files, in place of the one "
            "report; 'cxr merge' makes the report of them.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    shard_size: Annotated[
        int | None,
        typer.Option(
            **bounds(SHARD_SIZE),
            help="Files of a shard.",
            show_default="1000",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    shard_format: Annotated[
        ShardFormatName | None,
        typer.Option(
            help="Format of the shards.",
            show_default="csv",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None

    def refuse_lone(self) -> None:
        """Refuse the others where there are to be no shards; raises UsageError."""
        given = {"--shard-size": self.shard_size, "--shard-format": self.shard_format}
        for option, value in given.items():
            if value is not None:
                raise UsageError(f"{option} is for shards; add --shards PLACE, or leave it out")
