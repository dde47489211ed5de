"""The entry point of ``cxr``."""

import atexit
import os
import sys
from contextlib import suppress
from typing import Final, NoReturn

_INTERRUPTED: Final = 130


def main() -> None:
    """Run ``cxr``; Ctrl-C before it has begun ends it alike."""
    try:
        from cxr_edge.cli.process import run_command

        code = run_command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        _end_at_once()
    sys.exit(code)


def _end_at_once() -> NoReturn:
    """End without the destructors of libraries, which abort a process whose threads still compute.

    All that Python does at its end is done.
    """
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):  # its reader may be gone
            stream.flush()
    os._exit(_INTERRUPTED)
