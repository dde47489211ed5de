"""CSV files that are appended to and read after any interruption."""

import os
from pathlib import Path
from typing import IO, Any

import pytest

from cxr_edge.errors import ReportError
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.outcome import Failure, Prediction
from cxr_edge.reports.append_log import AppendLog, read_rows
from cxr_edge.reports.csv_report import REPORT, row_of

SCORED = Prediction(
    path='ward/a, "b".png',
    sha256="ab" * 32,
    source=SourceFacts(1024, 768, "png", ("color", "small")),
    probability=0.25,
    threshold=0.4,
    label="NORMAL",
)
FAILED = Failure("z.jpg", "", "unreadable", "the file\ncannot be read", "")


def write(path: Path) -> None:
    log = AppendLog.open(REPORT, path)
    log.append([row_of(SCORED, "m@1"), row_of(FAILED, "m@1")])
    log.close()


def test_every_prefix_of_a_report_is_readable(tmp_path: Path) -> None:
    """Cut anywhere, also within a quoted name, the whole rows before the cut are found."""
    path = tmp_path / "r.csv"
    write(path)
    data = path.read_bytes()
    whole = list(read_rows(REPORT, path))
    assert whole[-1][1] == len(data)
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        assert list(read_rows(REPORT, path)) == [pair for pair in whole if pair[1] <= cut]


@pytest.mark.parametrize("content", [b"a,b,c\n", b"\xff\xfe\n", b'"a"b,\n'])
def test_a_foreign_file_is_not_taken_for_a_report(tmp_path: Path, content: bytes) -> None:
    """Somebody's own CSV is never appended to."""
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(ReportError, match="not a report of cxr scan"):
        list(read_rows(REPORT, path))


def test_a_report_that_cannot_be_written_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether that is seen when it is opened or when it is closed."""
    opened: list[IO[str]] = []
    real = Path.open

    def keep(path: Path, *how: Any, **kinds: Any) -> IO[str]:
        opened.append(real(path, *how, **kinds))
        return opened[-1]

    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", keep)
    with pytest.raises(ReportError, match="/dev/null cannot be written"):
        AppendLog.open(REPORT, Path("/dev/null"))  # it cannot be truncated
    log = AppendLog.open(REPORT, tmp_path / "r.csv")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ReportError, match="No space left"):
        log.close()
    assert [file.closed for file in opened] == [True, True]


def test_rows_are_on_the_disk_every_few_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synced while it is appended to, and when it is closed."""
    synced: list[int] = []
    seconds = 0.0
    monkeypatch.setattr("cxr_edge.reports.append_log.time.monotonic", lambda: seconds)
    monkeypatch.setattr(os, "fsync", synced.append)
    log = AppendLog.open(REPORT, tmp_path / "r.csv")
    counts = []
    for seconds in (1.0, 4.0, 6.0, 9.0, 12.0):  # noqa: B007  (the clock reads it)
        log.append([row_of(FAILED, "m@1")])
        counts.append(len(synced))
    log.close()
    assert counts == [0, 0, 1, 1, 2]
    assert len(synced) == 3
