"""The comparison of a file that was started with the files that there are now."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.reports.append_log import CsvKind, read_rows
from cxr_edge.system.printable import printable


def catch_up(
    kind: CsvKind,
    path: Path,
    items: Iterator[ImageItem],
    take: Callable[[Mapping[str, str], ImageItem], None],
) -> int:
    """Compare the rows of a started file with the files that there are now.

    Parameters
    ----------
    kind
        Kind of the file.
    path
        Path of the file.
    items
        All files; afterwards at the first that has no row.
    take
        Function that gets each row by column, and its item.

    Returns
    -------
    int
        Bytes of the whole rows, which are to be kept.

    Raises
    ------
    ReportError
        Its rows are not those of the first items.
    """
    rows = read_rows(kind, path)
    _, kept = next(rows)
    for number, (row, kept) in enumerate(rows, start=1):  # noqa: B007  (the end of the last one)
        item = next(items, None)
        found = "no more files" if item is None else printable(item.path)
        if item is None or found != row[0]:
            moved = kind.moved.format(row=row[0], found=found, number=number)
            raise kind.refused(
                path,
                f"cannot be continued: {moved}; files were added, removed or renamed, or an "
                "earlier version of cxr-edge took other ones",
            )
        take(kind.named(row), item)
    return kept
