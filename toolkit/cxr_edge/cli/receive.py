"""``cxr receive``: images from a modality, by DICOM's own network service."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import Quiet
from cxr_edge.cli.network_options import NetworkOptions
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.errors import UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.system.plural import counted
from cxr_edge.system.ranges import ASSOCIATIONS, FREE_SPACE, OBJECT_SIZE, PORT

if TYPE_CHECKING:
    from cxr_edge.jobs.receive_dicom import Received


@with_option_groups
def receive(
    inbox: Annotated[
        Path,
        typer.Argument(show_default=False, help="Folder for the images; 'cxr watch' scans it."),
    ],
    network: NetworkOptions,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TITLE[@ADDRESS]",
            help="AE title that may send, and the address or network that it calls from; "
            "repeatable. Nobody else may.",
            show_default=False,
            rich_help_panel=panels.NETWORK,
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(**bounds(PORT), help="TCP port.", rich_help_panel=panels.NETWORK),
    ] = 11112,
    address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address of this machine to listen on; 0.0.0.0 for all.",
            rich_help_panel=panels.NETWORK,
        ),
    ] = "0.0.0.0",  # noqa: S104  (who may call is listed)
    associations: Annotated[
        int,
        typer.Option(
            **bounds(ASSOCIATIONS),
            help="Associations at once.",
            rich_help_panel=panels.SAFETY,
        ),
    ] = 8,
    max_size: Annotated[
        int,
        typer.Option(
            **bounds(OBJECT_SIZE),
            help="Megabytes of one image; a larger one is refused.",
            rich_help_panel=panels.SAFETY,
        ),
    ] = 256,
    keep_free: Annotated[
        int,
        typer.Option(
            **bounds(FREE_SPACE),
            help="Megabytes of the disk that stay free; then senders are told to try again later.",
            rich_help_panel=panels.SAFETY,
        ),
    ] = 1000,
    quiet: Quiet = False,
) -> None:
    """Take images from a modality or a PACS into a folder, until it is stopped.

    A DICOM storage service (C-STORE, C-ECHO). It takes images only from those that --allow names.
    An image is acknowledged when it is whole on the disk, as INBOX/SOP-Instance-UID.dcm; what is
    not acknowledged, the modality sends again. The images are not looked at: 'cxr watch INBOX'
    scans them.

    It runs until it gets SIGTERM or Ctrl-C, and tells systemd that it is ready and alive.

    Needs the extra 'pacs'. Research use only, not a diagnosis.

    Exit code 0: it was asked to stop.
    """
    if not allow:
        raise UsageError(
            "--allow: expected the AE titles that may send, got none; name the modality: "
            "--allow XRAY1@10.0.8.5"
        )
    with needs_extra("cxr receive", "pacs"):
        from cxr_edge.jobs.receive_dicom import ReceiveConfig, Receiver
    from cxr_edge.jobs.dicom_peer import Caller, ae_title, listening_address
    from cxr_edge.system.service import ServiceManager
    from cxr_edge.system.stop import stop_at_signal

    tls = network.certificates
    config = ReceiveConfig(
        inbox,
        ae_title("--aet", network.aet),
        [Caller.parse(text) for text in allow],
        listening_address(address),
        port,
        tls.for_receiver() if tls else None,
        associations,
        max_size,
        network.silence,
        keep_free,
    )
    receiver = Receiver(config, lambda line: None if quiet else typer.echo(line))
    manager = ServiceManager()
    with stop_at_signal() as stop:
        receiver.start()
        try:
            if not quiet:
                secure = " with TLS" if tls else ""
                typer.echo(f"{config.title} listens on {address}:{receiver.port}{secure}: {inbox}")
            manager.ready()
            while not stop.wait(1):
                receiver.watch()
                manager.alive()
        finally:
            manager.stopping()
            receiver.stop()
            if not quiet:
                typer.echo(_summary(receiver.received))


def _summary(received: "Received") -> str:
    """Return one line of counts."""
    parts = [counted(received.stored, "image", "images") + " stored"]
    if received.again:
        parts.append(f"{received.again} sent again")
    refused = ", ".join(f"{why} {count}" for why, count in sorted(received.refused.items()))
    return "; ".join([*parts, f"refused: {refused}" if refused else "none refused"])
