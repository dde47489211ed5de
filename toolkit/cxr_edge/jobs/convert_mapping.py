"""The mapping of a conversion: its rows, the images that they name, and its manifest."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from cxr_edge import __version__
from cxr_edge.errors import ExitCode, ImageError, ReportError
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.imaging.sniff import SUFFIXES
from cxr_edge.jobs.pseudonyms import TargetNames, pseudonym
from cxr_edge.pipeline.discover import ImageItem, Skipped
from cxr_edge.pipeline.prepare import Attempt
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.csv_report import detail_of
from cxr_edge.reports.manifest import utc_now, write_manifest
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.system.printable import printable

CONVERT_VERSION: Final = 1
"""Version of the mapping's manifest."""

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
    tells_paths=False,
)
"""What the mapping is."""


@dataclass
class ConvertManifest:
    """What stands in ``DST.mapping.run.json`` beside ``DST.mapping.csv``; it names no file."""

    identity: Mapping[str, object]
    """What must not change between the runs into one mapping."""
    passed_over: Skipped = field(default_factory=Skipped)
    """What was not taken, by why."""
    counts: Counts = field(default_factory=Counts)
    """Of the whole mapping."""
    continued_from: int = 0
    """Rows that an earlier run had written."""
    started: str = field(default_factory=utc_now)
    """ISO 8601, UTC; of this run."""
    ended: str | None = None
    """None while it runs."""
    exit_code: int | None = None
    """None while it runs."""
    pid: int | None = field(default_factory=os.getpid)
    """Of the process that writes the mapping; None once it has ended."""

    def end(self, exit_code: ExitCode) -> None:
        """Say that the run has ended, and how."""
        self.exit_code, self.ended, self.pid = exit_code, utc_now(), None

    def write(self, path: Path) -> None:
        """Write it; raises as :func:`cxr_edge.reports.manifest.write_manifest`."""
        counts = vars(self.counts).copy()
        for key in ("labels", "first_failed"):
            del counts[key]
        data = {
            "manifest_version": CONVERT_VERSION,
            "tool_version": __version__,
            **vars(self),
            "counts": counts,
            "passed_over": self.passed_over.counts,
        }
        write_manifest(path, data)


@dataclass(frozen=True)
class Converted:
    """An image as an image file."""

    data: bytes
    """Of the file."""
    uid: str
    """SOP Instance UID of the source; empty where it has none."""
    source: SourceFacts
    """What it was decoded from."""


class Images:
    """Puts images and rows where they belong, in the order of the files."""

    def __init__(self, folder: Path, suffix: str, key: bytes | None) -> None:
        """Write into ``folder``, under names by ``key``, or without one under those there are."""
        self._folder = folder
        self._key = key
        self._names = TargetNames(suffix)

    def recall(self, row: Mapping[str, str], item: ImageItem) -> None:
        """Take a row of an earlier run, once its image is seen to be there.

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

    def write(self, item: ImageItem, done: Attempt[Converted]) -> tuple[str, ...]:
        """Write the image, if there is one, and return the row.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        source, made = printable(item.path), done.content
        if isinstance(made, ImageError):
            return (
                source, "", "failed", made.reason, detail_of(str(made)), "", "", done.format, "",
                done.sha256,
            )  # fmt: skip
        if self._key is None:
            stem = _without_suffix(item.path)
        else:
            stem = pseudonym(self._key, made.uid or done.sha256)
        target = self._names.claim(stem)
        self._save(self._folder / target, made.data)
        facts = made.source
        return (
            source, printable(target), "ok", "", "", str(facts.width), str(facts.height),
            facts.format, ";".join(facts.flags), done.sha256,
        )  # fmt: skip

    def _save(self, path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, durable=True) as half:
                half.write_bytes(data)
        except OSError as exc:
            raise ReportError(
                f"{printable(str(path))} cannot be written: {exc.strerror}; "
                "make room and run the same command again"
            ) from exc


def _without_suffix(path: str) -> str:
    """Take away an image's suffix, and not the last number of a name that is a UID."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix.lower() in SUFFIXES else path
