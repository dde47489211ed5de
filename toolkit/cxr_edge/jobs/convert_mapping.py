"""The mapping of a conversion: its rows, its manifest, and the images that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from cxr_edge.errors import ImageError, ReportError
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.imaging.sniff import SUFFIXES
from cxr_edge.jobs.pseudonyms import TargetNames, pseudonym
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Failure
from cxr_edge.pipeline.prepare import Attempt
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.csv_report import detail_of
from cxr_edge.reports.manifest import Manifest
from cxr_edge.storage.atomic import atomic_write
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
    moved="its row {number} is of another file than the one at that position now",  # no name
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


class ImageFolder:
    """The folder that images are written to, under names given in the order of the files."""

    def __init__(self, folder: Path, suffix: str, key: bytes | None) -> None:
        """Name images by ``key``, or keep the original names without one."""
        self._folder = folder
        self._key = key
        self._names = TargetNames(suffix)

    def recall(self, row: Mapping[str, str], item: ImageItem) -> None:
        """Take a row of an earlier run, and check that its image is there.

        Raises
        ------
        ReportError
            It is not.
        """
        if row["status"] != "ok":
            return
        target = row["target"]
        if self._key is None:  # printed, a name need not be what it is
            target = self._names.claim(_without_suffix(item.path))
        else:
            self._names.note(target)
        if not (self._folder / target).is_file():
            raise ReportError(
                f"the conversion cannot be continued: {self._folder} lacks {row['target']}; "
                f"{MAPPING.advice}"
            )

    def write(self, item: ImageItem, attempt: Attempt[Encoded]) -> ConvertOutcome:
        """Write the image, if there is one, and return the outcome.

        Raises
        ------
        ReportError
            The image cannot be written.
        """
        made = attempt.content
        if isinstance(made, ImageError):
            return Failure(
                item.path, attempt.sha256, made.reason, str(made), attempt.format, item.where
            )
        if self._key is None:
            stem = _without_suffix(item.path)
        else:
            stem = pseudonym(self._key, made.uid or attempt.sha256)
        target = self._names.claim(stem)
        self._save(self._folder / target, made.data)
        return Converted(item.path, target, attempt.sha256, made.source)

    def _save(self, path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, durable=True) as unfinished:
                unfinished.write_bytes(data)
        except OSError as exc:
            raise ReportError(
                f"{printable(str(path))} cannot be written: {exc.strerror}; "
                "make room and run the same command again"
            ) from exc


def _without_suffix(path: str) -> str:
    """Take away an image's suffix, and not the last number of a name that is a UID."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix.lower() in SUFFIXES else path
