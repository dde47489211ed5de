"""The bytes of one shard: rows of a report as a CSV or Parquet file of their own."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from cxr_edge.reports.append_log import parsed
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.made_with import MadeWith
from cxr_edge.reports.typed_rows import facts_of, typed, untyped


class ShardFormat(StrEnum):
    """Formats of shards, which are the suffixes of their files."""

    CSV = "csv"
    """Header and rows as those of a report."""
    PARQUET = "parquet"
    """Typed columns, as ``cxr scan --format parquet`` writes them."""

    def require(self) -> None:
        """Refuse a format that needs more than is installed; raises MissingExtra."""
        if self is ShardFormat.PARQUET:
            from cxr_edge.reports.parquet import require_parquet

            require_parquet()

    def encoded(
        self, rows: Sequence[Sequence[str]], made_with: MadeWith, settings: Mapping[str, object]
    ) -> bytes:
        """Return the bytes of a shard; equal rows give equal bytes.

        Parameters
        ----------
        rows
            Cells of each row, as in a report.
        made_with
            Facts of the run.
        settings
            Settings of the run, for the metadata of a Parquet file.
        """
        if self is ShardFormat.PARQUET:
            from cxr_edge.reports.parquet import write_into

            facts, there = facts_of(made_with), io.BytesIO()
            write_into(there, (typed(REPORT.named(row)) | facts for row in rows), settings)
            return there.getvalue()
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([REPORT.columns, *rows])
        return text.getvalue().encode()

    def decoded(self, data: bytes) -> Iterator[list[str]]:
        """Yield the cells of each row of a shard, as in a report.

        Raises
        ------
        ValueError
            It is no shard, or is damaged.
        """
        if self is ShardFormat.PARQUET:
            from cxr_edge.reports.parquet import read_rows

            yield from map(untyped, read_rows(io.BytesIO(data)))
            return
        lines = io.BytesIO(data)
        if lines.readline() != REPORT.header:
            raise ValueError("it has another header")
        for line in lines:
            row = parsed(line)
            if len(row) != len(REPORT.columns) or not line.endswith(b"\n"):
                raise ValueError("a row is cut short")
            if line.endswith(b"\r\n"):
                raise ValueError("its lines end as no scan writes them")
            yield row
