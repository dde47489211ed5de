"""What a folder holds, file by file as a stream, and what of it a scan would not score."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cxr_edge.doctor.file import FileFacts, examine
from cxr_edge.imaging.sniff import Format
from cxr_edge.pipeline.discover import Skipped, discover
from cxr_edge.pipeline.scan import AHEAD
from cxr_edge.pipeline.thread_engine import in_order
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.printable import printable

NAMED: Final = 3
"""So many files are named of each kind of trouble."""

MISLABELLED: Final = "mislabelled"
"""Among troubles: the suffix is another format's. A scan reads such a file all the same."""

_DIGITS: Final = 3


@dataclass
class Spread:
    """Least, median and largest of whole numbers, in memory that does not grow with their count.

    Numbers of more than ``digits`` digits are rounded for the median.
    """

    digits: int = 5
    """That are kept."""
    least: int = 0
    """0 of none."""
    largest: int = 0
    """0 of none."""
    _counts: Counter[int] = field(default_factory=Counter)

    def add(self, number: int) -> None:
        """Take one number in."""
        self.least = min(self.least, number) if self._counts else number
        self.largest = max(self.largest, number)
        self._counts[round(number, min(0, self.digits - len(str(number))))] += 1

    @property
    def median(self) -> int:
        """The lower one of two in the middle; 0 of none."""
        left = (self._counts.total() + 1) // 2
        for number, count in sorted(self._counts.items()):
            left -= count
            if left <= 0:
                return number
        return 0

    def as_dict(self) -> dict[str, int]:
        """Return the three for JSON."""
        return {"least": self.least, "median": self.median, "largest": self.largest}


@dataclass
class FolderFacts:
    """What there is below some paths, counted."""

    formats: Counter[str] = field(default_factory=Counter)
    """Files by format; empty for no image, and what could not be read."""
    syntaxes: Counter[str] = field(default_factory=Counter)
    """DICOM files by transfer syntax, as far as it could be read."""
    polarities: Counter[str] = field(default_factory=Counter)
    """Images by :attr:`FileFacts.polarity`."""
    bits: Counter[int] = field(default_factory=Counter)
    """Images by bits stored."""
    several: int = 0
    """Images of more than one page or frame."""
    widths: Spread = field(default_factory=Spread)
    """Columns."""
    heights: Spread = field(default_factory=Spread)
    """Rows."""
    sizes: Spread = field(default_factory=lambda: Spread(_DIGITS))
    """Bytes of all files."""
    failing: int = 0
    """Files that a scan would not score, as far as headers tell."""
    troubles: Counter[str] = field(default_factory=Counter)
    """Files by the reason in a scan's report, and :data:`MISLABELLED` ones."""
    named: dict[str, list[str]] = field(default_factory=dict)
    """The first files of each trouble, as in the report."""
    passed_over: Skipped = field(default_factory=Skipped)
    """What a scan would not take."""

    @property
    def files(self) -> int:
        """Files that a scan would take."""
        return self.formats.total()

    @property
    def incomplete(self) -> bool:
        """A scan would end with exit code 3, as far as headers tell."""
        return bool(self.failing or self.passed_over.first_lost)

    def add(self, path: str, facts: FileFacts) -> None:
        """Take one file in."""
        self.formats[facts.format] += 1
        self.sizes.add(facts.size)
        if facts.syntax:
            self.syntaxes[facts.syntax] += 1
        if facts.width and facts.height:
            self.widths.add(facts.width)
            self.heights.add(facts.height)
            self.polarities[facts.polarity] += 1
            self.bits[facts.bits] += 1
            self.several += facts.several
        self.failing += bool(facts.reason)
        for trouble in filter(None, (facts.reason, MISLABELLED if facts.mislabelled else "")):
            self.troubles[trouble] += 1
            named = self.named.setdefault(trouble, [])
            if len(named) < NAMED:
                named.append(path)

    def undecoded(self) -> dict[str, str]:
        """Return what to do about each transfer syntax in it that is not decoded here."""
        if not self.syntaxes:
            return {}
        from cxr_edge.imaging.dicom.header import syntaxes

        known = syntaxes()
        hints = {name: known.get(name, "decompress it first") for name in self.syntaxes}
        return {name: hint for name, hint in hints.items() if hint}

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for JSON; counts with the most frequent first."""
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
            "several_frames": self.several,
            "width": self.widths.as_dict(),
            "height": self.heights.as_dict(),
            "bytes": self.sizes.as_dict(),
            "troubles": {
                name: {"files": count, "first": self.named[name]}
                for name, count in self.troubles.most_common()
            },
            "passed_over": dict(self.passed_over.counts.most_common()),
            "first_lost": self.passed_over.first_lost,
        }


def examine_folder(paths: Sequence[Path], workers: int | None = None) -> FolderFacts:
    """Read the header of every file that a scan of these paths would take.

    Parameters
    ----------
    paths
        Files and folders.
    workers
        Threads; as many as usable CPUs by default.

    Raises
    ------
    UsageError
        As :func:`cxr_edge.pipeline.discover.discover`.
    """
    found = FolderFacts()
    items = discover(paths, found.passed_over)
    workers = workers or usable_cpus()
    examined = in_order(
        lambda item: examine(item.file), items, ahead=AHEAD * workers, workers=workers
    )
    for item, facts in examined:
        found.add(printable(item.path), facts)
    return found


def kinds(found: FolderFacts) -> list[tuple[str, int, str]]:
    """Return what there is by format, DICOM by transfer syntax: name, files, and what it lacks."""
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
