"""Facts about a folder, gathered file by file, and about what a scan would not score."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any, Final

from cxr_edge.doctor.file import FileFacts, examine
from cxr_edge.imaging.sniff import Format
from cxr_edge.pipeline.discover import Skipped, discover
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.printable import printable
from cxr_edge.system.progress import track

NAMED: Final = 3
"""Files of each kind of problem that are named."""

MISLABELLED: Final = "mislabelled"
"""Problem of a file whose suffix is another format's; a scan reads it all the same."""


@dataclass
class Spread:
    """Least, median and largest of whole numbers, 0 if there are none."""

    numbers: "array[int]" = field(default_factory=lambda: array("Q"))
    """Every number, in 8 bytes each."""

    def as_dict(self) -> dict[str, int]:
        """Return the three; the median is the lower of two in the middle."""
        found = self.numbers or [0]
        return {"least": min(found), "median": median_low(found), "largest": max(found)}


@dataclass
class FolderFacts:
    """Counts of the files below some paths."""

    formats: Counter[str] = field(default_factory=Counter)
    """Files by format; empty for those that are no image or cannot be read."""
    syntaxes: Counter[str] = field(default_factory=Counter)
    """DICOM files by transfer syntax."""
    polarities: Counter[str] = field(default_factory=Counter)
    """Images by :attr:`FileFacts.polarity`."""
    bits: Counter[int] = field(default_factory=Counter)
    """Images by bits stored, where the header tells them."""
    multi_frame: int = 0
    """Images of more than one frame or page."""
    widths: Spread = field(default_factory=Spread)
    """Columns of the images."""
    heights: Spread = field(default_factory=Spread)
    """Rows of the images."""
    sizes: Spread = field(default_factory=Spread)
    """Bytes of the files."""
    failing: int = 0
    """Files that a scan would not score, as far as headers tell."""
    problems: Counter[str] = field(default_factory=Counter)
    """Files by the reason in a scan's report, and those that are :data:`MISLABELLED`."""
    named: dict[str, list[str]] = field(default_factory=dict)
    """First files of each problem, as in the report."""
    skipped: Skipped = field(default_factory=Skipped)
    """Files and folders that a scan would not take."""

    @property
    def files(self) -> int:
        """Number of files that a scan would take."""
        return self.formats.total()

    @property
    def incomplete(self) -> bool:
        """Whether a scan would end with exit code 3, as far as headers tell."""
        return bool(self.failing or self.skipped.first_lost)

    def add(self, path: str, facts: FileFacts) -> None:
        """Count one file."""
        self.formats[facts.format] += 1
        self.sizes.numbers.append(facts.size)
        if facts.syntax:
            self.syntaxes[facts.syntax] += 1
        if facts.width and facts.height:
            self.widths.numbers.append(facts.width)
            self.heights.numbers.append(facts.height)
            self.polarities[facts.polarity] += 1
            if facts.bits:
                self.bits[facts.bits] += 1
            self.multi_frame += facts.multi_frame
        self.failing += bool(facts.reason)
        for problem in filter(None, (facts.reason, MISLABELLED if facts.mislabelled else "")):
            self.problems[problem] += 1
            named = self.named.setdefault(problem, [])
            if len(named) < NAMED:
                named.append(path)

    def undecoded(self) -> dict[str, str]:
        """Return what to do about each transfer syntax in it that is not decoded here."""
        if not self.syntaxes:
            return {}
        from cxr_edge.imaging.dicom.dataset import DECOMPRESS
        from cxr_edge.imaging.dicom.header import DECODED

        return {name: DECOMPRESS for name in self.syntaxes if name not in DECODED}

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON, the most frequent first."""
        undecoded = self.undecoded()
        return {
            "files": self.files,
            "failing": self.failing,
            "formats": {name or "none": count for name, count in self.formats.most_common()},
            "transfer_syntaxes": {
                name: {"files": count, "missing": undecoded.get(name)}
                for name, count in self.syntaxes.most_common()
            },
            "polarities": dict(self.polarities.most_common()),
            "bits": {str(bits): count for bits, count in self.bits.most_common()},
            "multi_frame": self.multi_frame,
            "width": self.widths.as_dict(),
            "height": self.heights.as_dict(),
            "bytes": self.sizes.as_dict(),
            "problems": {
                name: {"files": count, "first": self.named[name]}
                for name, count in self.problems.most_common()
            },
            "skipped": dict(self.skipped.counts.most_common()),
            "first_lost": self.skipped.first_lost,
        }


def examine_folder(paths: Sequence[str | Path], workers: int | None = None) -> FolderFacts:
    """Read the header of every file that a scan of these paths would take.

    Parameters
    ----------
    paths
        Files and folders.
    workers
        Number of threads; by default as many as usable CPUs.

    Raises
    ------
    UsageError
        As :func:`cxr_edge.pipeline.discover.discover`.
    """
    found = FolderFacts()
    items = discover(paths, found.skipped)
    engine = ThreadEngine(workers or usable_cpus())
    examined = engine.map_ordered(lambda item: examine(item.where, item.storage), items)
    for item, facts in track(examined, "looking at files"):
        found.add(printable(item.path), facts)
    return found


def kinds(found: FolderFacts) -> list[tuple[str, int, str]]:
    """Return name, number of files, and what is missing, by format and DICOM transfer syntax."""
    undecoded = found.undecoded()
    rows: list[tuple[str, int, str]] = []
    for name, count in found.formats.most_common():
        rows.append((name or "no image", count, ""))
        if name == Format.DICOM:
            rows += [
                (f"  {syntax}", number, undecoded.get(syntax, ""))
                for syntax, number in found.syntaxes.most_common()
            ]
    return rows
