"""Options of ``cxr scan`` that name an archive in place of files and folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.errors import UsageError
from cxr_edge.storage.place import WEB, Placed


@dataclass(frozen=True)
class ArchiveOptions:
    """A DICOMweb server, and the query that chooses its studies."""

    dicomweb: Annotated[
        str | None,
        typer.Option(
            "--dicomweb",
            metavar="URL",
            help="Scan the chest radiographs on a DICOMweb server in place of PATHs: the root of "
            "its service. Needs the extra 'pacs'.",
            rich_help_panel=panels.INPUT,
        ),
    ] = None
    query: Annotated[
        list[str] | None,
        typer.Option(
            "--query",
            metavar="KEYWORD=VALUE",
            help="Studies to take from the server: StudyDate=20261127, or a range of days, today "
            "or yesterday; Modality=DX; other keywords of DICOM. Repeat the option for several, "
            "which must all match.",
            rich_help_panel=panels.INPUT,
        ),
    ] = None

    def sources(self, paths: Sequence[str]) -> Sequence[str]:
        """Return what is to be scanned: the PATHs, or the server.

        Raises
        ------
        UsageError
            Both or neither are given, or the address or the query cannot work.
        MissingExtra
            The extra that speaks DICOMweb is not installed.
        """
        if self.dicomweb is None:
            if self.query:
                raise UsageError("--query is for a DICOMweb server; add --dicomweb URL")
            if not paths:
                raise UsageError("expected a PATH to scan, or --dicomweb URL, got neither")
            if any(path.startswith(WEB) for path in paths):
                raise UsageError(
                    "expected files and folders, got an address of the web; name a bucket as "
                    "s3://BUCKET/FOLDER, gs:// or az://; a DICOMweb server is scanned with "
                    "--dicomweb URL --query StudyDate=YYYYMMDD"
                )
            return paths
        if paths:
            raise UsageError("--dicomweb and PATHs exclude each other; scan them one at a time")

        from cxr_edge.storage.dicomweb.address import is_in_the_clear
        from cxr_edge.storage.dicomweb.query import Query
        from cxr_edge.storage.dicomweb.storage import DicomWeb

        storage = DicomWeb(self.dicomweb, Query.parse(self.query or []))
        if is_in_the_clear(storage.url):
            typer.echo(
                "warning: --dicomweb: images of patients travel in the clear over http, as do "
                "credentials; use an address of https",
                err=True,
            )
        return [Placed(storage.url, storage)]
