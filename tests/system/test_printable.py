"""Names and messages that mislead nobody."""

import csv
import io
import os
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cxr_edge.pipeline.outcome import Failure
from cxr_edge.reports.csv_report import COLUMNS, row_of
from cxr_edge.system.printable import message_shown, printable, unescaped

FORMULA = re.compile(r"[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20]")

# Names are bytes; those that the file system takes, and more of what is dangerous.
BYTES = st.binary(min_size=1, max_size=255)
SPICY = st.text(
    st.sampled_from(
        "a/\\x0du;=+-@,\"' \t\r\n\x1b\x85\u202e\u2066\u200b\u061c\ufeff\uff1d\U000e0041\udcff"
    ),
    min_size=1,
)
names = BYTES.map(os.fsdecode) | SPICY | st.text(min_size=1).filter(lambda t: t.isascii())


def unescape(text: str) -> str:
    """Undo the escapes as docs/report.md shows it."""
    return re.sub(
        r"\\(?:(\\)|(x..|u....|U........))",
        lambda found: found[1] or chr(int(found[2][1:], 16)),
        text,
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ward/Überlauf \u80f8.png", "ward/Überlauf \u80f8.png"),
        ("a\udcff.png", r"a\udcff.png"),
        ("Icon\r\n\x1b[2J", r"Icon\x0d\x0a\x1b[2J"),
        (r"a\x0d.png", r"a\\x0d.png"),
        ("=1+1.png", r"\x3d1+1.png"),
        ("+1-1.png", r"\x2b1-1.png"),
        ("-2.png", r"\x2d2.png"),
        ("@SUM(A1).png", r"\x40SUM(A1).png"),
        ("\uff1d1.png", r"\uff1d1.png"),
        ("\t=1.png", r"\x09=1.png"),
        (' "=1.png', r' "\x3d1.png'),
        ("x;=1+1.png", r"x;\x3d1+1.png"),
        ("chest - pa, -1 @ 2=3.png", "chest - pa, -1 @ 2=3.png"),
        ("gpj.\u202etxt", r"gpj.\u202etxt"),
        ("a\u200bb\u2066c\u061cd\ufeff", r"a\u200bb\u2066c\u061cd\ufeff"),
        ("a\U000e0041", r"a\U000e0041"),
    ],
)
def test_what_misleads_is_escaped_and_nothing_else(name: str, shown: str) -> None:
    """Letters of all languages stay; what is unseen, ends a line or begins a formula does not."""
    assert printable(name) == shown


@given(names)
@example("\\")
@example("\\\x0d")
def test_a_name_can_be_had_back(name: str) -> None:
    """So two different names never give one path, and the report can be matched with files."""
    assert unescape(printable(name)) == name
    assert unescaped(printable(name)) == name


@pytest.mark.slow
@settings(max_examples=1000)
@given(st.text(st.sampled_from(";=+-@\"' \ta\\\uff1d"), min_size=1) | names)
def test_no_cell_is_a_formula(name: str) -> None:
    """Whether a spreadsheet splits at commas or at semicolons."""
    shown = printable(name)
    assert not FORMULA.match(shown)
    assert not any(FORMULA.match(cell) for cell in shown.split(";"))
    assert "\n" not in shown
    assert "\r" not in shown


@given(names, names)
def test_a_row_is_a_line_that_python_reads(name: str, detail: str) -> None:
    """Whatever the name and the message, thirteen fields and one line end."""
    file = io.StringIO(newline="")
    row = row_of(Failure(name, "", "unreadable", detail), "m@1")
    csv.writer(file, lineterminator="\n").writerow(row)
    line = file.getvalue()
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    (read,) = csv.reader([line], strict=True)
    assert tuple(read) == row
    assert len(read) == len(COLUMNS)
    line.encode()


def test_a_message_commands_no_terminal_and_keeps_its_advice() -> None:
    """Whatever a file had that it quotes: controls are replaced, and the middle is left out."""
    shown = message_shown(f"s.json: got \x1b[2J{'x' * 9000}; do this\n- and that")
    assert shown.startswith("s.json: got ?[2Jxxx")
    assert shown.endswith("xxx; do this\n- and that")
    assert len(shown) < 2100
