"""Options of a command that may run on a cluster."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import EngineName
from cxr_edge.errors import UsageError

if TYPE_CHECKING:
    from cxr_edge.cli.scan_options import OutputOptions, SafetyOptions, SpeedOptions
    from cxr_edge.jobs.cluster import Cluster


@dataclass(frozen=True)
class ClusterOptions:
    """Options of the engine that files are worked on by."""

    engine: Annotated[
        EngineName,
        typer.Option(
            help="Threads of this machine, or a Ray cluster; then --workers is the count of its "
            "processes, by default one for each CPU.",
            rich_help_panel=panels.SPEED,
        ),
    ] = EngineName.THREADS
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Ray cluster to scan on, or 'auto' on a machine of it.",
            show_default="one of this machine alone, which ends with the scan",
            rich_help_panel=panels.SPEED,
        ),
    ] = None

    def cluster(
        self, output: "OutputOptions", safety: "SafetyOptions", speed: "SpeedOptions"
    ) -> "Cluster | None":
        """Return the cluster that is asked for; None for threads.

        Raises
        ------
        UsageError
            The other options do not go with it.
        """
        if self.engine is EngineName.THREADS:
            if self.address is not None:
                raise UsageError("--address is for a cluster; add --engine ray, or leave it out")
            return None
        if output.heatmaps is not None:
            raise UsageError(
                "--heatmaps does not go with --engine ray; scan with threads for heat maps"
            )

        from cxr_edge.isolation.sandbox import MEGABYTE
        from cxr_edge.jobs.cluster import Cluster

        def tell(message: str) -> None:
            typer.echo(message, err=True)

        return Cluster(self.address, speed.workers, MEGABYTE * (safety.max_memory or 0), tell)
