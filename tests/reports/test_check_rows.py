"""Reports that somebody changed, found by the digest of their rows."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cxr_edge.errors import ReportError
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.outcome import Failure, Outcome, Prediction
from cxr_edge.reports.append_log import AppendLog, is_started, read_rows
from cxr_edge.reports.check_rows import check_rows
from cxr_edge.reports.csv_report import REPORT, row_of
from cxr_edge.reports.row_marks import MOST, RowMarks, RunningMarks

PNG = SourceFacts(1024, 768, "png", ("color",))


def outcomes(count: int) -> list[Outcome]:
    """Return as many outcomes, every fifth of a file that failed."""
    return [
        Failure(f"{number:04}.png", "", "truncated", 'it ends, "early"')
        if number % 5 == 4
        else Prediction(f"{number:04}.png", f"{number:064x}", PNG, number / 9000, 0.4, "NORMAL")
        for number in range(count)
    ]


def write(path: Path, count: int) -> RowMarks:
    """Write a report, and return the digest of its rows."""
    log, marks = AppendLog.open(REPORT, path), RowMarks()
    log.append([row_of(outcome, "m@1") for outcome in outcomes(count)])
    log.close()
    log.note(marks)
    return marks


def saved_again(text: str, **how: str) -> str:
    """Return a report as a spreadsheet saves it, which takes numbers for numbers."""
    written = io.StringIO()
    writer = csv.writer(written, **how)  # type: ignore[arg-type]
    for row in csv.reader(io.StringIO(text)):
        writer.writerow([re.sub(r"^(0\.\d*?)0+$", r"\1", cell) for cell in row])
    return written.getvalue()


def edit(old: str, new: str) -> Callable[[str], str]:
    """Return a change of the row of 0007.png."""

    def changed(text: str) -> str:
        lines = text.splitlines(keepends=True)
        assert old in lines[8]
        lines[8] = lines[8].replace(old, new, 1)
        return "".join(lines)

    return changed


def without(*numbers: int) -> Callable[[str], str]:
    """Return a change that takes lines away."""

    def changed(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(line for number, line in enumerate(lines) if number not in numbers)

    return changed


EDITS = [
    edit("0.000778", "0.000779"),
    edit("NORMAL", "PNEUMONIA"),
    edit(",ok,", ",failed,"),
    edit(f"{7:064x}", f"{8:064x}"),
    edit("0.400000", "0.4"),
    edit("0007.png", "0007.PNG"),
    edit("color", ""),
    edit("1024", "1025"),
    edit("m@1", "m@2"),
    edit("m@1\n", "m@1\r\n"),
    edit("0007.png", '"0007.png"'),
    edit(",ok,", ","),
    edit("0007", "\x00\x1b"),
    without(8),
]


@pytest.mark.parametrize("change", EDITS)
def test_an_edited_row_is_named(change: Callable[[str], str], tmp_path: Path) -> None:
    """Whatever was changed in it, the first row that differs is told, also of a longer report."""
    path = tmp_path / "r.csv"
    marks = write(path, 20)
    path.write_bytes(change(path.read_text()).encode())
    with pytest.raises(ReportError, match=r"r.csv was edited: row 8 \(.* is not as cxr scan wrote"):
        check_rows(REPORT, path, marks)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"lineterminator": "\n"},
        {"lineterminator": "\n", "delimiter": ";"},
        {"delimiter": "\t"},
        {"lineterminator": "\n", "quoting": csv.QUOTE_ALL},
    ],
)
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_report_that_a_spreadsheet_saved_is_told(
    how: dict[str, str], code: str, tmp_path: Path
) -> None:
    """By its line ends, quotes, separators, numbers or byte order mark."""
    path = tmp_path / "r.csv"
    marks = write(path, 20)
    path.write_bytes(saved_again(path.read_text(), **how).encode(code))
    with pytest.raises(ReportError, match="a spreadsheet program seems to have saved") as refused:
        check_header_and_rows(path, marks)
    assert "r.csv was edited: " in str(refused.value)
    assert "restore it from a copy, or choose another --out" in str(refused.value)


def check_header_and_rows(path: Path, marks: RowMarks) -> None:
    """Do what a run does."""
    assert is_started(REPORT, path)
    check_rows(REPORT, path, marks)


def test_other_line_ends_are_told_without_a_digest(tmp_path: Path) -> None:
    """A report of an earlier version has none, and would go on with two kinds of line ends."""
    path = tmp_path / "r.csv"
    write(path, 3)
    path.write_bytes(path.read_bytes().replace(b"m@1\n", b"m@1\r\n"))
    with pytest.raises(ReportError, match=r"row 1 \(0000.png\) .* spreadsheet"):
        check_rows(REPORT, path, RowMarks())


@pytest.mark.parametrize("count", [1, MOST - 1, MOST, 2 * MOST + 1, 10 * MOST - 3])
def test_a_long_report_has_few_marks(count: int, tmp_path: Path) -> None:
    """Their number is bounded; the edited row is among those that are named."""
    path = tmp_path / "r.csv"
    marks = write(path, count)
    assert len(marks.marks) < 8 * MOST
    assert check_rows(REPORT, path, marks).sha256 == marks.sha256
    lines = path.read_text().splitlines(keepends=True)
    for row in {1, (count + 1) // 2, count}:
        path.write_text(
            "".join([*lines[:row], lines[row].replace("m@1", "m@2"), *lines[row + 1 :]])
        )
        with pytest.raises(ReportError) as refused:
            check_rows(REPORT, path, marks)
        named = re.search(r"rows? (?:from )?([\d,]+)(?:.* to ([\d,]+) is)?", str(refused.value))
        assert named
        first, last = (int((text or named[1]).replace(",", "")) for text in named.groups())
        assert first <= row <= last < first + marks.every


def test_a_cut_report_agrees(tmp_path: Path) -> None:
    """Its last rows were lost, not edited; what is left is read on from the same digest."""
    path = tmp_path / "r.csv"
    marks = write(path, 20)
    whole = path.read_bytes()
    for _, end in list(read_rows(REPORT, path)):
        for cut in (end, end + 5):
            path.write_bytes(whole[:cut])
            assert check_rows(REPORT, path, marks).size == end


def test_rows_behind_the_digest_are_not_judged(tmp_path: Path) -> None:
    """A killed run wrote them after its last note, which the next run takes for granted."""
    path = tmp_path / "r.csv"
    marks = RowMarks()
    log = AppendLog.open(REPORT, path)
    rows: list[Sequence[str]] = [row_of(outcome, "m@1") for outcome in outcomes(9)]
    log.append(rows[:5])
    log.note(marks)
    log.append(rows[5:])
    log.close()
    path.write_bytes(path.read_bytes().replace(b"0007", b"0077"))
    running = check_rows(REPORT, path, marks)
    assert (running.rows, marks.rows) == (9, 5)


def test_the_digest_of_a_report_is_that_of_its_bytes(tmp_path: Path) -> None:
    """So ``sha256sum`` checks a finished report, in one run or continued by others."""
    path = tmp_path / "r.csv"
    whole = write(path, 12)
    log = AppendLog.open(REPORT, tmp_path / "s.csv")
    rows = [row_of(outcome, "m@1") for outcome in outcomes(12)]
    log.append(rows[:7])
    log.close()
    running = check_rows(REPORT, tmp_path / "s.csv", RowMarks())
    log = AppendLog.open(REPORT, tmp_path / "s.csv", running.size, running)
    log.append(rows[7:])
    log.close()
    marks = RowMarks()
    log.note(marks)
    assert marks == whole
    assert marks.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_digest_starts_before_the_header() -> None:
    """Rows are counted without it."""
    running = RunningMarks()
    assert running.rows == -1
    running.add(b"header\n")
    assert (running.rows, running.size, running.marks) == (0, 7, [])
