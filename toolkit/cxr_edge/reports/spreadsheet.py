"""The traces that a spreadsheet program leaves in a CSV file that it saves again."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from typing import Final

SAVED_AGAIN: Final = (
    "a spreadsheet program seems to have saved the file again, which changes line ends, quotes or "
    "numbers"
)
"""Explanation in messages."""

NUMBERS: Final = ("probability", "threshold")
"""Columns of numbers with six decimals, which a spreadsheet trims."""

_NUMBER: Final = re.compile(r"(\d\.\d{6})?")

_SEPARATORS: Final = ",;\t"


def is_resaved_header(line: bytes, columns: Sequence[str]) -> bool:
    """Return whether a first line is a header that was saved again.

    It has a byte order mark, other line ends, another separator, or quotes; or is of UTF-16.
    """
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = line.decode("utf-16", "ignore")
    else:
        text = line.decode("utf-8-sig", "replace")
    names = text.strip().replace('"', "")
    return any(names.split(separator) == list(columns) for separator in _SEPARATORS)


def is_resaved_row(line: bytes, columns: Sequence[str]) -> bool:
    """Return whether a row has other line ends, other quotes or trimmed zeros.

    A row of ours has none of these, whatever is in it.
    """
    if line.endswith(b"\r\n"):
        return True
    try:
        row = next(csv.reader([line.decode()], strict=True))
    except (ValueError, csv.Error):
        return False
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(row)
    if written.getvalue().encode() != line:
        return True
    cells = dict(zip(columns, row, strict=False))
    return any(not _NUMBER.fullmatch(cells.get(name, "")) for name in NUMBERS)
