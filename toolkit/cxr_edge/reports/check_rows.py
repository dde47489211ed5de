"""The check that the rows of a file are those that were written."""

import csv
from pathlib import Path

from cxr_edge.errors import ReportError
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.recorded import RESTORE
from cxr_edge.reports.row_marks import RowMarks, RunningMarks
from cxr_edge.reports.spreadsheet import SAVED_AGAIN, is_resaved_row
from cxr_edge.system.printable import cell_shown


def check_rows(
    kind: CsvKind, path: Path, recorded: RowMarks, *, is_finished: bool = False
) -> RunningMarks:
    """Compare the whole rows of a file with the digest that its manifest has of them.

    A file that lost its last rows agrees: they are made again. Rows behind those that the digest
    covers were written shortly before a run was killed; of them, only the line ends are looked at.
    A run that finished left none.

    Parameters
    ----------
    kind
        Kind of the file.
    path
        Path of the file.
    recorded
        Digest in its manifest; of no rows where an earlier version wrote it.
    is_finished
        Whether its last run finished, so that the digest covers all rows.

    Returns
    -------
    RunningMarks
        Digest of its whole rows, to be continued.

    Raises
    ------
    ReportError
        A row was edited or added, or a spreadsheet program saved the file again.
    """
    running = RunningMarks()
    most = recorded.rows if is_finished and recorded.sha256 else None
    unsure: list[bytes] = []  # the first row since the last mark that agreed
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                running.add(line)
                if not running.rows:  # the header
                    continue
                unsure = unsure or [line]
                verdict = recorded.verdict(running)
                if line.endswith(b"\r\n"):
                    raise _edited(kind, path, line, running.rows, running.rows)
                if verdict is False:
                    first = max(1, recorded.last_mark_before(running.rows) + 1)
                    raise _edited(kind, path, unsure[0], first, running.rows)
                if most is not None and running.rows > most:
                    raise _added(kind, path, line, running.rows)
                if verdict:
                    unsure = []
    except OSError as exc:
        raise ReportError(f"{path} cannot be read: {exc.strerror}") from exc
    return running


def _added(kind: CsvKind, path: Path, line: bytes, row: int) -> ReportError:
    """Return the error of a file with a row behind the last one that was written."""
    name = f" ({_name(line)})" if kind.names_files else ""
    why = f"was edited: row {row:,}{name} was added after {kind.command} had finished it"
    return kind.refused(path, why, "restore it from a copy, or ")


def _edited(kind: CsvKind, path: Path, line: bytes, first: int, last: int) -> ReportError:
    """Return the error of a file with a row that differs, one of those from first to last."""
    name = f" ({_name(line)})" if kind.names_files else ""
    if first == last:
        which = f"row {first:,}{name}"
    else:
        which = f"one of the rows from {first:,}{name} to {last:,}"
    why = f"was edited: {which} is not as {kind.command} wrote it"
    if is_resaved_row(line, kind.columns):
        why = f"{why}; {SAVED_AGAIN}"
    return kind.refused(path, why, RESTORE)


def _name(line: bytes) -> str:
    """Return the first column of a row that may be anything."""
    try:
        return cell_shown(next(csv.reader([line.decode("utf-8", "replace")]))[0])
    except (csv.Error, IndexError):
        return "..."
