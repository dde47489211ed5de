"""The comparison of a file that was started with the files that there are now."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.reports.append_log import CsvKind, read_rows
from cxr_edge.reports.earlier_rows import EarlierRows
from cxr_edge.reports.manifest import Gone
from cxr_edge.system.printable import cell_shown, printable


@dataclass(frozen=True)
class StartedRows:
    """Rows of a started file, on their way to be compared."""

    kind: CsvKind
    """Kind of the file."""
    path: Path
    """Path of the file."""
    count: Callable[[Mapping[str, str]], None]
    """Function that gets each row by column, in order, before it is compared."""
    take: Callable[[Mapping[str, str], ImageItem], None]
    """Function that gets each row with its item, where there is one."""


def catch_up(rows: StartedRows, items: Iterator[ImageItem]) -> None:
    """Compare the rows of a started file with the first of the files that there are now.

    Parameters
    ----------
    rows
        Rows.
    items
        All files; afterwards at the first that has no row.

    Raises
    ------
    ReportError
        Its rows are not those of the first items.
    """
    kind = rows.kind
    stream = read_rows(kind, rows.path)
    next(stream)  # the header
    for number, (row, _) in enumerate(stream, start=1):
        item = next(items, None)
        found = None if item is None else printable(item.path)
        if item is None or found != row[0]:
            is_new = found is not None and all(other[0] != found for other, _ in stream)
            if kind.names_files:
                which = f"{found} is new" if is_new else f"{cell_shown(row[0])} {kind.gone}"
            else:
                place = f"the one of row {number:,}"
                which = f"one before {place} is new" if is_new else f"{place} {kind.gone}"
            why = f"cannot be continued: the files are not those of its rows: {which}"
            raise kind.refused(rows.path, why, kind.other_files)
        by_column = kind.named(row)
        rows.count(by_column)
        rows.take(by_column, item)


def catch_up_by_path(
    rows: StartedRows, items: Iterator[ImageItem], gone: Gone
) -> tuple[list[ImageItem], bool]:
    """Compare the rows of a started file with the files that there are now, wherever they stand.

    Memory holds the paths of all rows, and the files that have none.

    Parameters
    ----------
    rows
        Rows.
    items
        All files; all are consumed.
    gone
        Counts the rows whose files are not there any more.

    Returns
    -------
    list of ImageItem
        Files that have no row, in order.
    bool
        Whether the rows are those of the first files, so that the file stays sorted.
    """
    new: list[ImageItem] = []
    is_sorted = True
    with EarlierRows(rows.kind, rows.path) as earlier:
        for row in earlier:
            rows.count(row)
        for item in items:
            found = earlier.take(printable(item.path))
            if found is None:
                new.append(item)
            else:
                is_sorted = is_sorted and not new
                rows.take(found, item)
        earlier.count_gone(gone)
    gone.kept = gone.files
    return new, is_sorted and not gone.files
