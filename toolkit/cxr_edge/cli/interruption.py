"""The message of a command that was interrupted, and errors as events."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from cxr_edge.errors import CxrError, ExitCode
from cxr_edge.system.signals import INTERRUPTED, was_interrupted


@contextmanager
def continuable(advice: Callable[[], str], *, log_json: bool = False) -> Iterator[None]:
    """Tell a user who interrupts a command how to continue; as an event where a log is written.

    Parameters
    ----------
    advice
        Returns what to do, asked when the command was interrupted; empty where nothing can be
        continued.
    log_json
        Whether errors are written as the event ``error`` too, in place of a line of text.
    """
    try:
        yield
    except CxrError as exc:
        if not log_json:
            raise
        _write(str(exc), exc.exit_code)
        raise typer.Exit(exc.exit_code) from exc
    except BaseException as exc:
        # A library that called back into Python may have made another error of it.
        if not isinstance(exc, KeyboardInterrupt) and not was_interrupted():
            raise
        message = "; ".join(filter(None, (INTERRUPTED, advice())))
        if log_json:
            _write(message, ExitCode.INTERRUPTED)
        else:
            typer.echo(message, err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def _write(message: str, exit_code: ExitCode) -> None:
    from cxr_edge.reports.json_log import write_event

    write_event(sys.stderr, "error", message=message, exit_code=exit_code)
