"""The line that shows progress: on a terminal alone, and gone at the end."""

import io
import re
import sys

import pytest
import typer

from cxr_edge.cli.progress_lines import progress_shown
from cxr_edge.system.progress import stage, track


class Terminal(io.StringIO):
    """Standard error of somebody who looks."""

    def isatty(self) -> bool:
        return True


def look(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of standard error, for the rest of a test."""
    monkeypatch.setenv("TERM", "xterm")
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    return found


def work() -> None:
    for _ in track(range(3), "reading images"):
        with stage("converting"):
            pass


def test_a_terminal_sees_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the work and its count; the last thing drawn is an erased line."""
    terminal = look(monkeypatch)
    with progress_shown(quiet=False):
        work()
    text = terminal.getvalue()
    assert "reading images 0/3" in text
    assert "converting ..." in text
    assert text.endswith("\x1b[2K")


def test_what_is_printed_meanwhile_has_its_own_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result, and an error, never stand behind the line of progress."""
    terminal = look(monkeypatch)
    monkeypatch.setattr(sys, "stdout", terminal)
    with progress_shown(quiet=False):
        for number in track(range(3), "explaining images"):
            typer.echo(f"result {number}")
            typer.echo(f"error {number}", err=True)
    for line in ("result 0", "error 0", "result 2"):
        assert re.search(rf"(\n|\x1b\[2K){line}\n", terminal.getvalue()), terminal.getvalue()
    assert sys.stdout is terminal is sys.stderr


def test_what_an_error_leaves_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor is shown again, even if the work never said that it ended."""
    terminal = look(monkeypatch)
    steps = track(range(3), "reading images")

    def fail() -> None:
        with progress_shown(quiet=False):
            next(steps)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert terminal.getvalue().count("\x1b[?25h") == 1


def test_quiet_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """--quiet shows nothing."""
    terminal = look(monkeypatch)
    with progress_shown(quiet=True):
        work()
    assert terminal.getvalue() == ""


def test_a_pipe_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """Logs hold no progress."""
    with progress_shown(quiet=False):
        work()
    assert capsys.readouterr().err == ""
