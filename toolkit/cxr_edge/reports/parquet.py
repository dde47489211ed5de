"""Rows of a report as a Parquet file: typed columns; the one module that imports pyarrow."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Final

from cxr_edge.extras import needs_extra
from cxr_edge.reports.typed_rows import FIELDS, LISTS, NUMBERS, SIDES

_KEY: Final = b"cxr_edge"
"""Key of the file's metadata under which the settings of the run are, as JSON."""

_ROWS: Final = 20_000
"""Rows of a row group, which are in memory at once."""


def write_parquet(
    file: Path, rows: Iterable[Mapping[str, object]], settings: Mapping[str, object]
) -> None:
    """Write rows.

    Parameters
    ----------
    file
        Path of the file.
    rows
        Rows by field.
    settings
        Settings of the run, for the metadata of the file.

    Raises
    ------
    MissingExtra
        pyarrow is not installed.
    OSError
        The file cannot be written.
    """
    # A file, not its name: pyarrow takes some names for addresses, and some bytes for no name.
    with file.open("wb") as there:
        write_into(there, rows, settings)


def write_into(
    there: BinaryIO, rows: Iterable[Mapping[str, object]], settings: Mapping[str, object]
) -> None:
    """Write rows to an open file; as :func:`write_parquet`."""
    pa, parquet = _pyarrow()
    columns = [(name, _type(pa, name)) for name in FIELDS]
    schema = pa.schema(columns, metadata={_KEY: json.dumps(settings)})
    with parquet.ParquetWriter(there, schema) as writer:
        for batch in _batches(rows):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def read_rows(file: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file by field, some thousands in memory at a time.

    Raises
    ------
    MissingExtra
        pyarrow is not installed.
    ValueError
        It is no file of :func:`write_parquet`, or is damaged.
    """
    pa, parquet = _pyarrow()
    try:
        there = parquet.ParquetFile(file)
        if there.schema_arrow.names != list(FIELDS):
            raise ValueError(f"expected the columns {', '.join(FIELDS)}")
        for batch in there.iter_batches(_ROWS):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as exc:
        raise ValueError(str(exc).splitlines()[0]) from exc


def is_parquet(file: Path) -> bool:
    """Tell whether a file has rows of a report; False where it cannot be read."""
    pa, parquet = _pyarrow()
    try:
        with file.open("rb") as there:
            return _KEY in (parquet.read_schema(there).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def require_parquet() -> None:
    """Refuse to work without pyarrow; raises MissingExtra."""
    _pyarrow()


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    with needs_extra("a Parquet file", "parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    return pa, pq


def _type(pa: ModuleType, name: str) -> Any:  # Any: pyarrow ships no types
    if name in NUMBERS:
        return pa.float64()
    if name in SIDES:
        return pa.int32()
    return pa.list_(pa.string()) if name in LISTS else pa.string()


def _batches(rows: Iterable[Mapping[str, object]]) -> Iterator[list[Mapping[str, object]]]:
    left = iter(rows)
    while batch := list(islice(left, _ROWS)):
        yield batch
