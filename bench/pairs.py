"""Images to time with, and ratios of pairs of times."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
"""Suffixes of the files that every peer reads."""


@dataclass(frozen=True)
class Timing:
    """One run over the images."""

    images: int
    """Number of images."""
    command: float
    """Seconds of the whole command."""
    inside: float
    """Seconds from the first image to the last, as the process reports them."""


@dataclass(frozen=True)
class Pair:
    """Two runs over the same images, one right after the other."""

    ours: Timing
    """Run of ``cxr scan``."""
    peer: Timing
    """Run of the other."""


@dataclass(frozen=True)
class Spread:
    """Median and extremes of some values."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Return those of some values."""
        found = list(values)
        return cls(min(found), statistics.median(found), max(found))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratios(pairs: Sequence[Pair], what: str) -> Spread:
    """Return the peer's seconds to ours, pair by pair, of ``command`` or of ``inside``."""
    return Spread.of(getattr(pair.peer, what) / getattr(pair.ours, what) for pair in pairs)


def rate(timings: Iterable[Timing], what: str) -> float:
    """Return the median of images a second, of ``command`` or of ``inside``."""
    return statistics.median(timing.images / getattr(timing, what) for timing in timings)


def seconds(timings: Iterable[Timing]) -> float:
    """Return the median of the seconds of whole commands."""
    return statistics.median(timing.command for timing in timings)


def repeat(source: Path, target: Path, count: int) -> list[Path]:
    """Fill a folder with links to images, each again and again under names of its own.

    The images lie in one class folder, as generators over class folders want it.

    Parameters
    ----------
    source
        Folder of images, with all below it.
    target
        Folder to make.
    count
        Links.

    Returns
    -------
    list of Path
        The images that are linked to.

    Raises
    ------
    SystemExit
        There are none.
    """
    images = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not images:
        raise SystemExit(f"--images: expected JPEG or PNG images, {source} has none")
    folder = target / "images"
    folder.mkdir(parents=True)
    for number in range(count):
        image = images[number % len(images)].resolve()
        (folder / f"{number:06}{image.suffix.lower()}").symlink_to(image)
    return images[:count]


def table(rows: Sequence[Sequence[str]], *, markdown: bool) -> str:
    """Return rows as text, the first of them the header."""
    if markdown:
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
