"""Tables made of a report: its rows as JSON Lines or Parquet, for other programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError
from cxr_edge.jobs.source_report import require_report
from cxr_edge.reports.check_rows import check_rows
from cxr_edge.reports.csv_report import source_kind
from cxr_edge.reports.json_lines import is_json_lines, write_json_lines
from cxr_edge.reports.made_with import MadeWith
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.parquet import is_parquet, require_parquet, write_parquet
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.sink import RunResult
from cxr_edge.reports.typed_rows import typed_rows
from cxr_edge.storage.atomic import atomic_write

JSONL: Final = ".jsonl"
PARQUET: Final = ".parquet"

TABLES: Final = (JSONL, PARQUET)
"""Suffixes of tables, each of which is a format."""

_SOURCE: Final = source_kind("converted")
"""Kind of the report that is read."""


@dataclass(frozen=True)
class Written:
    """Facts about a table that was written."""

    rows: int
    """Count of its rows."""
    is_finished: bool
    """Whether the report has a row for every file."""


@dataclass(frozen=True)
class TableSink:
    """The sink that makes a table of a report when its run has finished.

    A table is there only when it has all rows: one of an earlier run is removed first.
    """

    report: Path
    """Path of the report."""
    table: Path
    """Path of the table."""

    def begin(self, manifest: Manifest) -> None:  # noqa: ARG002  (rows are read from the report)
        """Remove the table of an earlier run.

        Raises
        ------
        ReportError
            It cannot be removed.
        """
        try:
            self.table.unlink(missing_ok=True)
        except OSError as exc:
            raise _unwritable(self.table, exc) from exc

    def write(self, outcomes: Sequence[object]) -> None:
        """Do nothing: the table is made of the whole report."""

    def close(self, result: RunResult) -> None:
        """Write the table, unless the run was stopped; raises as :func:`write_table`."""
        if result.error is None:
            write_table(self.report, self.table)


def table_path(report: Path, suffix: str) -> Path:
    """Return where a table stands beside its report: ``report.csv`` -> ``report.jsonl``.

    Another suffix stays, as in the name of a manifest.
    """
    return report.with_name(f"{report.name.removesuffix('.csv')}{suffix}")


def is_table(path: Path) -> bool:
    """Tell whether a file is a table that was written here, by its suffix and its content.

    Raises
    ------
    MissingExtra
        pyarrow is not installed, and the suffix is that of Parquet.
    """
    if path.suffix != PARQUET:
        return is_json_lines(path)
    require_parquet()
    return path.exists() and is_parquet(path)


def check_source(report: Path) -> None:
    """Refuse a path that is no report; raises as :func:`~.source_report.require_report`."""
    require_report(_SOURCE, report)


def write_table(report: Path, table: Path) -> Written:
    """Write the rows of a report as a table, in the format of its suffix.

    One row, or one group of rows, is in memory at a time. The same report gives the same bytes.

    Parameters
    ----------
    report
        Path of the report.
    table
        Path of the table; an existing one is replaced.

    Returns
    -------
    Written
        Facts about the table.

    Raises
    ------
    MissingExtra
        pyarrow is not installed, and the suffix is that of Parquet.
    UsageError
        The path is no report.
    ReportError
        The report was edited or cannot be read, its manifest is missing or damaged, or the table
        cannot be written.
    """
    check_source(report)
    recorded = _SOURCE.recorded(report)
    made_with = MadeWith.of(_SOURCE, report, recorded)
    marks = check_rows(_SOURCE, report, recorded.digest, is_finished=recorded.finished)
    rows = typed_rows(_SOURCE, report, made_with)
    try:
        with atomic_write(table, durable=True) as half:
            if table.suffix == PARQUET:
                write_parquet(half, rows, _settings(recorded))
            else:
                write_json_lines(half, rows)
    except OSError as exc:
        raise _unwritable(table, exc) from exc
    return Written(marks.rows, is_finished=recorded.finished and marks.rows >= recorded.rows)


def _settings(recorded: Recorded) -> Mapping[str, object]:
    notice = recorded.fields.get("notice")
    return {**recorded.identity, "notice": notice if isinstance(notice, str) else ""}


def _unwritable(table: Path, exc: OSError) -> ReportError:
    return ReportError(
        f"{table} cannot be written: {exc.strerror or exc}; make room, or choose another place"
    )
