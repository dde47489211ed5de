"""The CSV report: outcomes to rows, written in batches."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from cxr_edge.errors import ReportError
from cxr_edge.pipeline.outcome import Failure, Outcome, Prediction
from cxr_edge.reports.append_log import AppendLog, CsvKind
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.manifest import ADVICE, manifest_path
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS
from cxr_edge.system.printable import printable

COLUMNS: Final = (
    "path",
    "status",
    "label",
    "probability",
    "threshold",
    "flags",
    "reason",
    "detail",
    "width",
    "height",
    "format",
    "sha256",
    "model",
)
"""Header of the report."""

REPORT: Final = CsvKind(
    name="report",
    command="cxr scan",
    run="scan",
    option="--out",
    columns=COLUMNS,
    advice=ADVICE,
)
"""What the file is."""


def row_of(outcome: Outcome, model: str) -> tuple[str, ...]:
    """Return the report's row for an outcome, in the order of :data:`COLUMNS`."""
    path = printable(outcome.path)
    match outcome:
        case Prediction(sha256=sha256, source=source):
            return (
                path,
                "ok",
                outcome.label,
                shown(outcome.probability),
                shown(outcome.threshold),
                ";".join(source.flags),
                "",
                "",
                str(source.width),
                str(source.height),
                source.format,
                sha256,
                model,
            )
        case Failure(sha256=sha256, reason=reason, detail=detail):
            detail = detail_of(detail)
            return (path, "failed", "", "", "", "", reason, detail, "", "", outcome.format, sha256, model)  # fmt: skip  # noqa: E501


def shown(number: float) -> str:
    """Return a probability or a threshold as it stands in a report."""
    return f"{number:.{PROBABILITY_DECIMALS}f}"


def detail_of(message: str) -> str:
    """Return an error's message as one line."""
    return printable(" ".join(message.split()))


class CsvReport:
    """A report that is appended to."""

    def __init__(self, log: AppendLog, model: str, counts: Counts) -> None:
        """Append to a file that :meth:`open` opened."""
        self._log = log
        self._model = model
        self.counts = counts

    @classmethod
    def open(cls, path: Path, model: str, kept: int = 0, counts: Counts | None = None) -> Self:
        """Begin a report with its header, or continue it behind its first ``kept`` bytes.

        Parameters
        ----------
        path
            The report.
        model
            For the ``model`` column.
        kept
            Bytes that stay; what stands behind them is cut off.
        counts
            Of the rows in those bytes.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        return cls(AppendLog.open(REPORT, path, kept), model, counts or Counts())

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Append one batch; as :meth:`cxr_edge.reports.append_log.AppendLog.append`."""
        rows = [row_of(outcome, self._model) for outcome in outcomes]
        self._log.append(rows)
        for row in rows:
            self.counts.add(REPORT.named(row))

    def close(self) -> None:
        """Close the file; raises as :meth:`write`."""
        self._log.close()


def set_aside(report: Path) -> None:
    """Keep an old report and its manifest under the first free name ``report.old-N.csv``.

    Raises
    ------
    ReportError
        It cannot be renamed.
    """
    number = 1
    while (kept := report.with_suffix(f".old-{number}{report.suffix}")).exists():
        number += 1
    try:
        # Cut short in between, what is left is a report without a manifest, which --fresh takes up.
        for old, new in ((manifest_path(report), manifest_path(kept)), (report, kept)):
            if old.exists():
                old.rename(new)
    except OSError as exc:
        raise ReportError(f"{report} cannot be set aside: {exc.strerror}") from exc
