"""The summary on a terminal and in a pipe."""

import io

import pytest

from cxr_edge.cli.run_display import print_summary

LINES = ["  NORMAL          2", "Research use only, not a diagnosis. " * 4]


def printed(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> list[str]:
    """Return what is printed of :data:`LINES` in 60 columns."""
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "60")
    print_summary(LINES)
    return stream.getvalue().splitlines()


def test_a_terminal_gets_lines_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long lines are folded between words; columns stay as they are, and no word is lost."""
    found = printed(monkeypatch, terminal=True)
    assert found[0] == LINES[0]
    assert max(map(len, found)) <= 60
    assert " ".join(" ".join(found[1:]).split()) == LINES[1].strip()


def test_a_pipe_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that looks for a line finds it in one piece."""
    assert printed(monkeypatch, terminal=False) == LINES
