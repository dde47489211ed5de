"""The CSV report and its run manifest: written in batches, continued after any interruption."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, Self, TextIO

from cxr_edge.errors import ReportError
from cxr_edge.outcome import Failure, Outcome, Prediction
from cxr_edge.spec import PROBABILITY_DECIMALS

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

FIRST_FAILED: Final = 5
"""So many failed files are named in the summary; the report names all."""

MANIFEST_VERSION: Final = 1
"""Version of the run manifest's JSON."""

NOTICE: Final = (
    "Research use only, not a diagnosis. The default model was trained on paediatric films of "
    "one hospital; such models were seen to fall from AUC 0.95 to 0.54 on another hospital's "
    "films (Xin et al. 2021)."
)
"""Stands in every manifest and under every summary."""


@dataclass
class Counts:
    """What a report holds; all that a scan keeps in memory of it."""

    rows: int = 0
    """All files taken."""
    ok: int = 0
    """Scored."""
    failed: int = 0
    """Not scored."""
    flagged: int = 0
    """Scored with one flag or more."""
    labels: Counter[str] = field(default_factory=Counter)
    """Scored files by label."""
    flags: Counter[str] = field(default_factory=Counter)
    """Scored files by flag."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Failed files by reason."""
    first_failed: list[str] = field(default_factory=list)
    """Paths of the first :data:`FIRST_FAILED` failed files."""

    def add(self, row: Sequence[str]) -> None:
        """Count one row of the report."""
        values = dict(zip(COLUMNS, row, strict=True))
        self.rows += 1
        if values["status"] == "ok":
            self.ok += 1
            self.labels[values["label"]] += 1
            flags = [flag for flag in values["flags"].split(";") if flag]
            self.flagged += bool(flags)
            self.flags.update(flags)
        else:
            self.failed += 1
            self.reasons[values["reason"]] += 1
            if len(self.first_failed) < FIRST_FAILED:
                self.first_failed.append(values["path"])


@dataclass(frozen=True)
class RunIdentity:
    """What must be the same for a report to be continued."""

    model: str
    """Name of the model."""
    model_sha256: str
    """Digest of the artefact."""
    recipe: str
    """Preprocessing recipe."""
    recipe_sha256: str
    """Its digest."""
    labels: tuple[str, str]
    """Negative, positive."""
    threshold: float
    """That makes the label."""
    runtime: str
    """That computed it."""
    provider: str
    """That the runtime used."""
    batch_size: int
    """Files a batch: company can change the last bit of a probability."""


@dataclass(frozen=True)
class RunManifest:
    """What stands in ``report.run.json`` beside ``report.csv``."""

    tool_version: str
    """Of cxr-edge."""
    identity: RunIdentity
    """What was computed, and with what."""
    runtime_asked: str
    """``--runtime``."""
    device_asked: str
    """``--device``."""
    operating_point: str
    """Name of the threshold."""
    counts: Counts
    """Of the whole report."""
    passed_over: Counter[str]
    """Files and folders that were not taken, by why."""
    continued_from: int
    """Rows that an earlier run had written."""
    started: str
    """ISO 8601, UTC; of this run."""
    ended: str | None = None
    """ISO 8601, UTC; None while it runs."""
    files_per_second: float | None = None
    """Of this run, from the first file to the last row; None where there was nothing to do."""
    exit_code: int | None = None
    """None while it runs."""

    def write(self, path: Path) -> None:
        """Write the manifest so that a reader finds the old one or the new one, whole.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        data = {"manifest_version": MANIFEST_VERSION, **vars(self), "notice": NOTICE}
        text = json.dumps(data, indent=2, ensure_ascii=False, default=vars)
        part = path.with_name(path.name + ".part")
        try:
            part.write_text(text + "\n", encoding="utf-8")
            part.replace(path)
        except OSError as exc:
            raise ReportError(f"the run manifest {path} cannot be written: {exc.strerror}") from exc


class Sink(Protocol):
    """Takes outcomes, in order."""

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Take one batch."""


def row_of(outcome: Outcome, model: str) -> tuple[str, ...]:
    """Return the report's row for an outcome, in the order of :data:`COLUMNS`."""
    path = printable(outcome.path)
    match outcome:
        case Prediction(sha256=sha256, source=source):
            return (
                path,
                "ok",
                outcome.label,
                f"{outcome.probability:.{PROBABILITY_DECIMALS}f}",
                f"{outcome.threshold:.{PROBABILITY_DECIMALS}f}",
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
            detail = printable(" ".join(detail.split()))
            return (path, "failed", "", "", "", "", reason, detail, "", "", outcome.format, sha256, model)  # fmt: skip  # noqa: E501


def printable(text: str) -> str:
    r"""Return text that UTF-8 can hold: bytes of a file name that are not become ``\udcNN``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def manifest_path(report: Path) -> Path:
    """Return where the manifest of a report stands: ``report.csv`` -> ``report.run.json``."""
    return report.with_suffix(".run.json")


class CsvReport:
    """An append-only CSV file that is its own journal."""

    def __init__(self, file: TextIO, model: str, counts: Counts) -> None:
        """Append to a file that :meth:`open` opened."""
        self._file = file
        self._model = model
        self._writer = csv.writer(file, lineterminator="\n")
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
        try:
            file = path.open("a", newline="", encoding="utf-8")
            file.truncate(kept)
        except OSError as exc:
            raise ReportError(f"{path} cannot be written: {exc.strerror}") from exc
        if not kept:
            csv.writer(file, lineterminator="\n").writerow(COLUMNS)
        return cls(file, model, counts or Counts())

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Append one batch and hand it to the operating system.

        Raises
        ------
        ReportError
            The disk is full, or the file cannot be written any more.
        """
        try:
            for outcome in outcomes:
                row = row_of(outcome, self._model)
                self._writer.writerow(row)
                self.counts.add(row)
            self._file.flush()
        except OSError as exc:
            raise _unwritable(exc) from exc

    def close(self) -> None:
        """Close the file; raises as :meth:`write`."""
        try:
            self._file.close()
        except OSError as exc:
            raise _unwritable(exc) from exc


def read_rows(path: Path) -> Iterator[tuple[list[str], int]]:
    """Yield the whole rows of a report, the header first, each with the offset of its end.

    What an interruption left of a last row is not yielded. One row at a time is in memory.

    Raises
    ------
    ReportError
        The file cannot be read, or is no report.
    """
    end = 0

    def lines() -> Iterator[str]:
        nonlocal end
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                end += len(line)
                yield line.decode("utf-8")

    reader = csv.reader(lines(), strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except OSError as exc:
            raise ReportError(f"{path} cannot be read: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise _no_report(path) from exc
        except csv.Error as exc:
            if "unexpected end of data" in str(exc):  # cut off within a quoted field
                return
            raise _no_report(path) from exc
        if len(row) != len(COLUMNS):
            raise _no_report(path)
        yield row, end


def read_identity(report: Path) -> RunIdentity:
    """Read what an existing report was made with, from its manifest.

    Raises
    ------
    ReportError
        There is no manifest, or it cannot be understood.
    """
    path = manifest_path(report)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        identity, version = dict(data["identity"]), data["manifest_version"]
        before = RunIdentity(**{**identity, "labels": tuple(identity["labels"])})
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ReportError(
            f"{report} exists, but its run manifest {path} cannot be understood ({exc}); "
            "choose another --out, or keep the old report under a new name with --fresh"
        ) from exc
    if version != MANIFEST_VERSION:
        raise ReportError(
            f"{path}: this version continues reports of manifest_version {MANIFEST_VERSION}, "
            f"came {version}; finish it with the version that began it, or use --fresh"
        )
    return before


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
        for old, new in ((report, kept), (manifest_path(report), manifest_path(kept))):
            if old.exists():
                old.rename(new)
    except OSError as exc:
        raise ReportError(f"{report} cannot be set aside: {exc.strerror}") from exc


def _unwritable(exc: OSError) -> ReportError:
    return ReportError(
        f"the report cannot be written: {exc.strerror}; make room and run the same command again"
    )


def _no_report(path: Path) -> ReportError:
    return ReportError(
        f"{path} exists and is no report of cxr scan; choose another --out, "
        "or keep it under a new name with --fresh"
    )
