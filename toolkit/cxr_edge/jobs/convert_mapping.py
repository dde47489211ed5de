"""The mapping of a conversion: its rows and its manifest."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.outcome import Failure
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.csv_report import detail_of
from cxr_edge.reports.manifest import Manifest
from cxr_edge.system.printable import printable

MAPPING: Final = CsvKind(
    name="mapping",
    command="cxr convert",
    run="conversion",
    option="--mapping",
    columns=(
        "source",
        "target",
        "status",
        "reason",
        "detail",
        "width",
        "height",
        "format",
        "flags",
        "sha256",
    ),
    advice="choose another --mapping and DST, or remove the mapping and the images",
    other_files="",
    instead={},
    names_files=False,
    older_manifests={1: "started"},
)
"""Kind of a conversion's CSV file."""


@dataclass(frozen=True)
class ConvertIdentity:
    """Settings that must stay the same for a mapping to be continued."""

    format: str
    """Container of the images."""
    bits: int
    """Bits per sample."""
    quality: int | None
    """JPEG quality; None for other containers."""
    names: str
    """Way in which images are named."""
    key_check: str | None
    """Digest that differs for another key and reveals none; None when names are kept."""
    recipe_sha256: str
    """Digest of the preprocessing recipe."""


@dataclass(frozen=True, kw_only=True)
class ConvertManifest(Manifest):
    """Record of one conversion, ``DST.mapping.run.json``; it names no file."""

    identity: ConvertIdentity
    """Settings that must stay the same for the mapping to be continued."""


@dataclass(frozen=True)
class Encoded:
    """An image, encoded as a file."""

    data: bytes
    """Bytes of the file."""
    uid: str
    """SOP Instance UID of the source; empty if it has none."""
    source: SourceFacts
    """Facts about the file that it was decoded from."""


@dataclass(frozen=True)
class Converted:
    """A file that was converted."""

    path: str
    """Path of the source below SRC."""
    target: str
    """Path of the image below DST."""
    sha256: str
    """Digest of the source's bytes."""
    source: SourceFacts
    """Facts about the source."""


ConvertOutcome: TypeAlias = Converted | Failure


def mapping_row(outcome: ConvertOutcome) -> tuple[str, ...]:
    """Return the mapping's row for an outcome, in the order of its columns."""
    path = printable(outcome.path)
    match outcome:
        case Converted(target=target, sha256=sha256, source=source):
            return (
                path,
                printable(target),
                "ok",
                "",
                "",
                str(source.width),
                str(source.height),
                source.format,
                ";".join(source.flags),
                sha256,
            )
        case Failure(sha256=sha256, reason=reason, detail=detail):
            return (
                path,
                "",
                "failed",
                reason,
                detail_of(detail),
                "",
                "",
                outcome.format,
                "",
                sha256,
            )
