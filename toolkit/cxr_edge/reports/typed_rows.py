"""The rows of a report as typed values, for files that other programs read."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cxr_edge.reports.append_log import CsvKind, read_rows
from cxr_edge.reports.csv_report import COLUMNS, shown
from cxr_edge.reports.made_with import MadeWith
from cxr_edge.system.ranges import SHARE, Range

FIELDS: Final = (*COLUMNS, "positive", "operating_point", "model_sha256")
"""Names of the values of a row: the columns of the report, and facts of the run."""

NUMBERS: Final = ("probability", "threshold")
"""Fields that are numbers with a fraction."""

SIDES: Final = ("width", "height")
"""Fields that are whole numbers."""

LISTS: Final = ("flags",)
"""Fields that are lists of texts."""

_SIDE: Final = Range(1, 2**31 - 1)
"""Pixels of a side: what 32 bits hold."""


def typed_rows(kind: CsvKind, report: Path, made_with: MadeWith) -> Iterator[dict[str, object]]:
    """Yield the rows of a report by field, one in memory at a time.

    Parameters
    ----------
    kind
        Kind of the file, for messages.
    report
        Path of the report.
    made_with
        Facts of its run.

    Yields
    ------
    dict
        Values by :data:`FIELDS`: ``probability`` and ``threshold`` float, ``width`` and ``height``
        int, ``flags`` a list, everything else text. An empty cell is None, and an empty list
        of flags.

    Raises
    ------
    ReportError
        The report cannot be read, or has a row that no scan wrote.
    """
    facts = facts_of(made_with)
    rows = read_rows(kind, report)
    next(rows, None)  # the header
    for number, (cells, _) in enumerate(rows, start=1):
        try:
            yield typed(kind.named(cells)) | facts
        except ValueError as exc:
            raise kind.not_as_written(report, number, cells, str(exc)) from exc


def facts_of(made_with: MadeWith) -> dict[str, object]:
    """Return the values that all rows of a run have, by field."""
    return {
        "positive": made_with.labels[1],
        "operating_point": made_with.operating_point,
        "model_sha256": made_with.model_sha256,
    }


def untyped(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of a row by its typed values; the inverse of :func:`typed`."""
    cells = {name: row[name] for name in COLUMNS}
    cells |= {name: ";".join(cells[name] or ()) for name in LISTS}
    cells |= {name: shown(cells[name]) for name in NUMBERS if cells[name] is not None}
    return ["" if cell is None else str(cell) for cell in cells.values()]


def typed(row: Mapping[str, str]) -> dict[str, object]:
    """Return the values of a row; raises ValueError for one that no scan wrote."""
    if row["status"] not in ("ok", "failed"):
        raise ValueError(f"status: expected ok or failed, got {row['status']!r:.40}")
    typed: dict[str, object] = {name: text or None for name, text in row.items()}
    typed |= {name: [flag for flag in row[name].split(";") if flag] for name in LISTS}
    if row["status"] == "ok":
        typed |= {name: _number(row, name, float, SHARE) for name in NUMBERS}
        typed |= {name: _number(row, name, int, _SIDE) for name in SIDES}
    elif any(row[name] for name in (*NUMBERS, *SIDES)):
        raise ValueError("a failed row has a number")
    return typed


def _number(
    row: Mapping[str, str], name: str, kind: type[int] | type[float], within: Range
) -> float:
    try:
        number = kind(row[name])
    except ValueError:
        number = -1
    if number not in within:
        raise ValueError(f"{name}: expected {within}, got {row[name]!r:.40}")
    return number
