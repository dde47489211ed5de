"""The CSV report: outcomes as rows, and the sink that appends them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Generic, TypeVar

from cxr_edge.errors import ReportError
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.outcome import Failure, Outcome, Prediction
from cxr_edge.reports.append_log import AppendLog, CsvKind
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.manifest import Manifest, manifest_path
from cxr_edge.reports.row_marks import RunningMarks
from cxr_edge.reports.sink import RunResult
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS
from cxr_edge.system.printable import printable

T = TypeVar("T")

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

RELABEL: Final = (
    "use 'cxr relabel', which takes --operating-point, --threshold and --review-band and needs no "
    "scan, or "
)
"""Better advice where a report is to have other labels for the probabilities that it has."""

WATCH: Final = "continue it with 'cxr watch', or "
"""Advice where the report of a watch is given to a scan."""

REPORT: Final = CsvKind(
    name="report",
    command="cxr scan",
    run="scan",
    option="--out",
    columns=COLUMNS,
    advice="choose another --out, or start over with --fresh, which keeps the old report",
    other_files="add --add-new, which keeps the rows and scans new files, or ",
    instead={
        "threshold": RELABEL,
        "review_band": RELABEL,
        "on_input_check": "leave --on-input-check out, or ",
        "rows_by": WATCH,
        "files_in": WATCH,
    },
    names_files=True,
    older_manifests={2: "begun"},
)
"""Kind of a scan's CSV file."""

QUERIED_REPORT: Final = replace(
    REPORT,
    other_files="give another query another --out; if the query is the same, add --add-new, which "
    "keeps the rows and scans new files, or ",
    gone="is not in what the query finds now",
)
"""The same of files that a query chose; the query, which may name a patient, is kept nowhere."""


def source_kind(use: str) -> CsvKind:
    """Return the kind of a report that another command reads, which no option of a scan mends.

    Parameters
    ----------
    use
        Use that is made of it, in messages: ``relabelled``.
    """
    better = "name the CSV file that 'cxr scan' wrote, or "
    return replace(REPORT, use=use, advice="scan again", better=better)


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
            return (
                path,
                "failed",
                "",
                "",
                "",
                "",
                reason,
                detail_of(detail),
                "",
                "",
                outcome.format,
                sha256,
                model,
            )


def prediction_of(row: Mapping[str, str], path: str) -> Prediction | None:
    """Return the prediction that a row was made from; the inverse of :func:`row_of`.

    Parameters
    ----------
    row
        Row by column, of an image that was scored.
    path
        Path in the report, before it was made printable.

    Returns
    -------
    Prediction or None
        The prediction; None where the row is not one that was written.
    """
    try:
        return Prediction(
            path=path,
            sha256=row["sha256"],
            source=SourceFacts(
                int(row["width"]),
                int(row["height"]),
                row["format"],
                tuple(filter(None, row["flags"].split(";"))),
            ),
            probability=float(row["probability"]),
            threshold=float(row["threshold"]),
            label=row["label"],
        )
    except ValueError:
        return None


def shown(number: float) -> str:
    """Return a probability or a threshold as it stands in a report."""
    return f"{number:.{PROBABILITY_DECIMALS}f}"


def detail_of(message: str) -> str:
    """Return an error's message as one line."""
    return printable(" ".join(message.split()))


class CsvSink(Generic[T]):
    """The sink that a run is continued from: a CSV file that outcomes are appended to as rows."""

    def __init__(
        self,
        kind: CsvKind,
        path: Path,
        to_row: Callable[[T], Sequence[str]],
        counts: Counts,
        kept: int = 0,
        running: RunningMarks | None = None,
    ) -> None:
        """Write to ``path``, which is opened when the run begins.

        Parameters
        ----------
        kind
            Kind of the file.
        path
            Path of the file.
        to_row
            Function that returns an outcome's row.
        counts
            Counts of the rows that are kept; new rows are added.
        kept
            Bytes that stay; 0 starts the file with its header.
        running
            Digest of these bytes; None where there are none.
        """
        self._kind = kind
        self._path = path
        self._to_row = to_row
        self._counts = counts
        self._kept = kept
        self._running = running
        self._manifest: Manifest | None = None
        self._log: AppendLog | None = None

    def begin(self, manifest: Manifest) -> None:
        """Open the file; raises as :meth:`cxr_edge.reports.append_log.AppendLog.open`.

        The manifest is beside the file already.
        """
        self._manifest = manifest
        self._log = AppendLog.open(self._kind, self._path, self._kept, self._running)

    def write(self, outcomes: Sequence[T]) -> None:
        """Append and count, and write the manifest each time that rows reach the disk.

        Raises
        ------
        ReportError
            The file or its manifest cannot be written.
        """
        assert self._log
        assert self._manifest
        rows = [self._to_row(outcome) for outcome in outcomes]
        on_disk = self._log.append(rows)
        for row in rows:
            self._counts.add(self._kind.named(row))
        if on_disk:  # the rows first: the manifest never knows more than the disk has
            self._log.note(self._manifest.digest)
            self._manifest.write(manifest_path(self._path))

    def close(self, result: RunResult) -> None:
        """Close the file, and note its digest in the manifest, which is written next.

        Raises
        ------
        ReportError
            As :meth:`cxr_edge.reports.append_log.AppendLog.close`.
        """
        if self._log:
            self._log.close()
            self._log.note(result.manifest.digest)


def name_aside(report: Path) -> Path:
    """Return the first free name ``report.old-N.csv``."""
    number = 1
    while (kept := report.with_suffix(f".old-{number}{report.suffix}")).exists():
        number += 1
    return kept


def set_aside(report: Path) -> Path:
    """Keep an old report and its manifest under the name of :func:`name_aside`.

    Returns
    -------
    Path
        New path of the report.

    Raises
    ------
    ReportError
        It cannot be renamed.
    """
    kept = name_aside(report)
    try:
        # The manifest first: a report without one is taken up again by --fresh.
        for old, new in ((manifest_path(report), manifest_path(kept)), (report, kept)):
            if old.exists():
                old.rename(new)
    except OSError as exc:
        raise ReportError(f"{report} cannot be set aside: {exc.strerror}") from exc
    return kept
