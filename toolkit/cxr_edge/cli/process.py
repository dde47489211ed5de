"""The process of a command: its streams, its signals, and its exit code."""

import sys
from collections.abc import Callable

from cxr_edge.cli.commands import COMMANDS
from cxr_edge.errors import ExitCode
from cxr_edge.isolation.supervisor import supervise
from cxr_edge.system.signals import INTERRUPTED, end_at_second, was_interrupted
from cxr_edge.system.standard_streams import take_streams, why_output_was_lost


def run_command() -> int:
    """Run the command of ``sys.argv``, a supervised one in a child process.

    Returns
    -------
    int
        Exit code.
    """
    take_streams()
    command = next((each for each in COMMANDS if each.name in sys.argv[1:2]), None)
    if command and command.supervised:
        code = supervise(command.name, command.advice)
        if code is not None:
            return code
    else:
        end_at_second()
    if not (command and command.tensorflow):
        return exit_code(_run)

    from cxr_edge.system.library_notes import notes_dropped

    with notes_dropped():
        return exit_code(_run)


def exit_code(run: Callable[[], None]) -> int:
    """Return the exit code of a command, which Ctrl-C or a lost standard output may decide.

    Parameters
    ----------
    run
        Runs the command, and ends with a SystemExit.
    """
    code = 0
    try:
        run()
    except SystemExit as exc:
        code = int(exc.code or 0)
    except BaseException:
        if not was_interrupted():
            raise
    if was_interrupted():  # whatever a library has made of it
        if code != ExitCode.INTERRUPTED:  # then it was told
            sys.stderr.write(f"{INTERRUPTED}\n")
        return ExitCode.INTERRUPTED
    if why := why_output_was_lost():
        sys.stderr.write(
            f"error: standard output cannot be written: {why}; lines are missing there; "
            "all files are complete\n"
        )
        return code or ExitCode.ERROR
    return code


def _run() -> None:
    from cxr_edge.cli.app import app

    app(prog_name="cxr")
