"""The progress bar and the summary of a run on the terminal."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

import typer

from cxr_edge.errors import RefusedInput
from cxr_edge.spec.on_input_check import OnInputCheck
from cxr_edge.spec.review_band import REVIEW
from cxr_edge.system.plural import counted, worded
from cxr_edge.system.printable import cell_shown, first_names, shortened

if TYPE_CHECKING:
    from cxr_edge.cli.progress_bar import Bar
    from cxr_edge.reports.counts import ScanCounts
    from cxr_edge.reports.manifest import Manifest
    from cxr_edge.reports.run_manifest import RunManifest
    from cxr_edge.reports.sink import Sink
    from cxr_edge.spec.review_band import Limits

_LONGEST_CAUSE: Final = 160
"""Characters that are shown of why many files failed."""


def bars(candidates: Callable[[], Iterable[object]], *, quiet: bool) -> "list[Bar]":
    """Return a progress bar when standard error is a terminal, and none for a pipe.

    Parameters
    ----------
    candidates
        Function that returns the files to count.
    quiet
        Whether the user asked for none.
    """
    if quiet or not sys.stderr.isatty():
        return []

    from rich.console import Console  # loaded for a terminal alone

    from cxr_edge.cli.progress_bar import Bar
    from cxr_edge.reports.progress import Meter

    return [Bar(Meter(candidates()), Console(stderr=True))]


def displays(
    candidates: Callable[[], Iterable[object]], log: str | None, *, quiet: bool
) -> "list[Sink[object]]":
    """Return the sinks that show a scan: a log of events, or a progress bar on a terminal.

    Parameters
    ----------
    candidates
        Function that returns the files to count.
    log
        Name of what is written, for the log; None for no log.
    quiet
        Whether no progress bar is wanted.
    """
    if log is None:
        return [*bars(candidates, quiet=quiet)]

    from cxr_edge.reports.json_log import JsonLog
    from cxr_edge.reports.progress import Meter

    return [JsonLog(Meter(candidates()), log, sys.stderr)]


def print_summary(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines, folded between words on a terminal; a pipe gets each of them whole.

    Parameters
    ----------
    lines
        Lines; those that start with spaces are columns, and stay as they are.
    err
        Whether they go to standard error.
    """
    stream = sys.stderr if err else sys.stdout
    fold = partial(
        textwrap.wrap,
        width=shutil.get_terminal_size().columns,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        whole = not stream.isatty() or line.startswith(" ")
        typer.echo(line if whole else "\n".join(fold(line)), err=err)


def files_line(manifest: "Manifest", what: str) -> str:
    """Return how many files a report or mapping has, and how many of them it had before."""
    rows, before = manifest.counts.rows, manifest.continued_from
    files = counted(rows, "file", "files")
    if rows and before == rows:
        return f"{files}, all already in the {what}; nothing to do"
    parts = [files]
    if before:
        parts.append(f"{before} already in the {what}")
    if manifest.files_per_second:
        parts.append(f"{manifest.files_per_second:.1f} files/s")
    return ", ".join(parts)


def label_lines(manifest: "RunManifest") -> Iterator[str]:
    """Yield a line for each label with its count."""
    labels = dict.fromkeys(manifest.identity.labels)  # one of which may be called review
    if manifest.identity.review_band or manifest.counts.labels[REVIEW]:
        labels[REVIEW] = None
    wide = max(map(len, labels))
    for label in labels:
        yield f"  {label:{wide}} {manifest.counts.labels[label]:>7}"


def input_check_line(manifest: "RunManifest") -> str:
    """Return how many images should not have been scored, and what was done with them."""
    counts, answer = manifest.counts, manifest.identity.answer
    done = {
        OnInputCheck.FLAG: (counts.should_not_be_scored, "labelled all the same"),
        OnInputCheck.REVIEW: (counts.should_not_be_scored, f"labelled {REVIEW}"),
        OnInputCheck.FAIL: (counts.reasons[RefusedInput.reason], "failed"),
    }
    count, what = done[answer]
    images = counted(count, "image that should not be scored", "images that should not be scored")
    return f"input check ({manifest.input_check}): {images}, {what}"


def review_band_line(manifest: "RunManifest", limits: "Limits") -> str:
    """Return the limits of the review band, and how many images it alone withholds a label of."""
    low, high = limits
    images = counted(manifest.left_by_band, "image", "images")
    return f"review band ({low:g} to {high:g}): {images}, labelled {REVIEW}"


def threshold_lines(manifest: "RunManifest") -> Iterator[str]:
    """Yield the threshold, and the spec file that it is from where one was given."""
    yield f"threshold: {manifest.identity.threshold:g} ({manifest.operating_point})"
    if spec := manifest.spec:
        yield f"spec: {spec.name}, {spec.site}" if spec.site else f"spec: {spec.name}"


def count_line(title: str, count: int, kinds: Mapping[str, int]) -> str:
    """Return a count and its parts: ``failed 2: 1 not-an-image, 1 truncated``."""
    parts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    return f"{title} {count}: {parts}" if parts else f"{title} {count}"


def failed_lines(counts: "ScanCounts") -> Iterator[str]:
    """Yield how many files failed and why, the names of the first, and what many have in common."""
    yield count_line("failed", counts.failed, counts.reasons)
    if counts.failed:
        yield f"failed files: {first_names(counts.first_failed, counts.failed)}"
    for reason, detail in counts.causes.items():
        many = f"{counts.alike[reason]} {reason}"
        yield f"{many}: {shortened(cell_shown(detail), _LONGEST_CAUSE)}"


def skipped_line(skipped: Mapping[str, int]) -> str:
    """Return how many files and folders were skipped, and why: ``skipped 2: not images``."""
    from cxr_edge.pipeline.skipped import SKIP_REASONS

    reasons = {
        worded(count, *SKIP_REASONS[reason]): count for reason, count in skipped.items() if count
    }
    if len(reasons) == 1:
        return f"skipped {sum(reasons.values())}: {next(iter(reasons))}"
    return count_line("skipped", sum(reasons.values()), reasons)
