"""Options of the commands that speak DICOM with other machines."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.existing import existing
from cxr_edge.cli.numbers import bounds
from cxr_edge.system.ranges import SILENCE

if TYPE_CHECKING:
    from cxr_edge.jobs.dicom_peer import Certificates


@dataclass(frozen=True)
class NetworkOptions:
    """Name and certificates of this machine, and its patience."""

    aet: Annotated[
        str,
        typer.Option(
            metavar="TITLE",
            help="AE title of this machine.",
            rich_help_panel=panels.NETWORK,
        ),
    ] = "CXR-EDGE"
    silence: Annotated[
        float,
        typer.Option(
            "--silence",
            **bounds(SILENCE),
            help="Seconds after which a silent connection is cut off.",
            rich_help_panel=panels.NETWORK,
        ),
    ] = 30
    tls_certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="Certificate of this machine; with it, connections are encrypted.",
            rich_help_panel=panels.NETWORK,
            callback=existing,
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="Private key of the certificate, without a password.",
            rich_help_panel=panels.NETWORK,
            callback=existing,
        ),
    ] = None
    tls_authority: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="Certificate that must have signed that of the other side.",
            rich_help_panel=panels.NETWORK,
            callback=existing,
        ),
    ] = None

    @property
    def certificates(self) -> "Certificates | None":
        """Certificates; None for connections that are not encrypted."""
        from cxr_edge.jobs.dicom_peer import certificates

        return certificates(self.tls_certificate, self.tls_key, self.tls_authority)
