"""Rows of a report as JSON Lines: one object per line, in UTF-8."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from cxr_edge.reports.typed_rows import FIELDS

_LONGEST: Final = 1 << 20
"""Bytes of a first line that are looked at."""


def write_json_lines(file: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows, with the fields in their order; raises OSError where that cannot be done."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def is_json_lines(file: Path) -> bool:
    """Tell whether a file has rows of a report, or nothing; False where it cannot be read."""
    try:
        with file.open("rb") as lines:
            first = lines.readline(_LONGEST)
        return not first or list(json.loads(first)) == list(FIELDS)
    except (OSError, ValueError, TypeError, RecursionError):
        return False
