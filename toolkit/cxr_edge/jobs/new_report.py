"""A new report, written from rows that are known, and its manifest."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from cxr_edge.errors import ReportError
from cxr_edge.reports.append_log import AppendLog
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import manifest_path, utc_now
from cxr_edge.reports.run_manifest import RunManifest
from cxr_edge.storage.atomic import atomic_write

M = TypeVar("M", bound=RunManifest)

_ROWS: Final = 1000
"""Rows that are written at once."""


def write_report(out: Path, rows: Iterable[Sequence[str]], manifest: M) -> M:
    """Write a report that is there whole or not at all, and its manifest.

    Parameters
    ----------
    out
        Path of the report.
    rows
        Cells of each row; an error that they raise leaves no report.
    manifest
        Manifest whose counts are empty; the rows are counted, and their digest is taken.

    Returns
    -------
    RunManifest
        The manifest as it stands beside the report.

    Raises
    ------
    ReportError
        It cannot be written.
    """
    try:
        with atomic_write(out, durable=True) as half:
            log = AppendLog.open(REPORT, half)
            try:
                for batch in _batches(iter(rows)):
                    log.append(batch)
                    for row in batch:
                        manifest.counts.add(REPORT.named(row))
            finally:
                log.close()
            log.note(manifest.digest)
            manifest = replace(manifest, ended=utc_now())
            manifest.write(manifest_path(out))  # first: a report is never there without one
    except OSError as exc:
        raise ReportError(f"{out} cannot be written: {exc.strerror}") from exc
    return manifest


def _batches(rows: Iterator[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    while batch := list(islice(rows, _ROWS)):
        yield batch
