"""The message of a command that was interrupted and can be continued, and errors as events."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from cxr_edge.errors import CxrError, ExitCode


@contextmanager
def continuable(what: str | None, *, log_json: bool = False) -> Iterator[None]:
    """Tell a user who interrupts a command how to continue; as an event where a log is written.

    Parameters
    ----------
    what
        Name of what the command writes, ``report``; None where nothing can be continued.
    log_json
        Whether errors are written as the event ``error`` too, in place of a line of text.
    """
    message = "interrupted"
    if what:
        message += f"; run the same command again to finish the {what}"
    try:
        yield
    except CxrError as exc:
        if not log_json:
            raise
        _write(str(exc), exc.exit_code)
        raise typer.Exit(exc.exit_code) from exc
    except KeyboardInterrupt:
        if not log_json:
            typer.echo(message, err=True)
            raise
        _write(message, ExitCode.INTERRUPTED)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def _write(message: str, exit_code: ExitCode) -> None:
    from cxr_edge.reports.json_log import write_event

    write_event(sys.stderr, "error", message=message, exit_code=exit_code)
