"""``cxr send``: structured reports and pictures of heat maps to a PACS."""

import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import Quiet
from cxr_edge.cli.existing import existing_folder
from cxr_edge.cli.network_options import NetworkOptions
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.cli.run_display import count_line
from cxr_edge.errors import ExitCode, MachineError
from cxr_edge.extras import needs_extra
from cxr_edge.system.plural import counted
from cxr_edge.system.ranges import SECONDS

if TYPE_CHECKING:
    from cxr_edge.jobs.send_dicom import Sent

_LONGEST = 600
"""Seconds between two tries at most, where the PACS cannot be reached."""


@with_option_groups
def send(
    folder: Annotated[
        Path,
        typer.Argument(
            show_default=False, help="Folder that 'cxr sr' wrote.", callback=existing_folder
        ),
    ],
    network: NetworkOptions,
    to: Annotated[
        str,
        typer.Option(
            metavar="TITLE@HOST:PORT",
            help="PACS: its AE title, host and port.",
            show_default=False,
            rich_help_panel=panels.NETWORK,
        ),
    ],
    every: Annotated[
        float | None,
        typer.Option(
            **bounds(SECONDS),
            help="Seconds after which to look for new files again, until it is stopped; without "
            "it, once.",
            show_default=False,
            rich_help_panel=panels.NETWORK,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Send the DICOM files of a folder to a PACS, each until the PACS has taken it.

    Files that it has taken are listed in FOLDER/.sent.csv and not sent again. The others wait for
    the next run, or for the next try with --every; while the PACS cannot be reached, the tries
    become rarer, up to ten minutes apart.

    The files identify patients. Needs the extra 'pacs'. Research use only, not a diagnosis.

    Exit code 3: the PACS did not take some files. With --every, exit code 0: it was asked to stop.
    """
    with needs_extra("cxr send", "pacs"):
        from cxr_edge.jobs.send_dicom import SendJob
        from cxr_edge.jobs.send_dicom import send as send_once
    from cxr_edge.jobs.dicom_peer import Target, ae_title
    from cxr_edge.system.stop import stop_at_signal

    tls = network.certificates
    job = SendJob(
        folder,
        Target.parse(to),
        ae_title("--aet", network.aet),
        tls.for_sender() if tls else None,
        network.silence,
    )
    if every is None:
        result = send_once(job)
        if not quiet:
            _tell(result)
        if result.failed:
            raise typer.Exit(ExitCode.SOME_FAILED)
        return
    wait = every
    with stop_at_signal() as stop:
        job = replace(job, is_stopped=lambda: stop.is_made)
        while True:
            try:
                result = send_once(job)
            except MachineError as exc:
                typer.echo(f"{exc}; next try in {wait:.0f} s", err=True)
                pause, wait = wait * random.uniform(0.8, 1.2), min(2 * wait, _LONGEST)  # noqa: S311
            else:
                if not quiet and (result.sent or result.failed):
                    _tell(result)
                pause = wait = every
            if stop.wait(pause):
                return


def _tell(result: "Sent") -> None:
    before = f" ({result.before} taken before)" if result.before else ""
    typer.echo(f"{counted(result.sent, 'object', 'objects')} sent{before}")
    if result.failed:
        typer.echo(count_line("not taken", result.failed.total(), result.failed))
