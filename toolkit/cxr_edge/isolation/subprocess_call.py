"""A function call in a subprocess of its own, whose memory and libraries are its alone."""

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from cxr_edge.errors import CxrError

R = TypeVar("R")

_SERVE: Final = "from cxr_edge.isolation.subprocess_call import serve; serve()"


@dataclass(frozen=True)
class _Refused:
    """An error of the subprocess, in place of an answer."""

    message: str


class ProcessDied(CxrError):
    """The subprocess ended without an answer."""


class ProcessTimedOut(CxrError):
    """The subprocess gave no answer in time, and was killed."""


def call_in_subprocess(function: Callable[..., R], *args: object, within: float | None = None) -> R:
    """Call a function in a fresh subprocess, and return its answer.

    Fresh, not forked: a fork starts with the memory of this process, and with its threads' locks.

    Parameters
    ----------
    function
        Function of a module, so that the subprocess finds it; arguments and answer are pickled.
    within
        Seconds to wait for the answer. No limit by default.

    Raises
    ------
    ProcessDied
        The subprocess crashed, or was killed.
    ProcessTimedOut
        The subprocess took longer, and was killed.
    CxrError
        The function raised one; the text is the same.
    """
    try:
        return _ask(function, args, within)
    except OSError as exc:
        raise CxrError(
            f"a subprocess cannot be started: {exc.strerror}; "
            "free memory and run the same command again"
        ) from exc


def _ask(function: Callable[..., R], args: tuple[object, ...], within: float | None) -> R:
    receiver, sender = os.pipe()
    # Ctrl-C is for this process, which then ends the other: hence a group of its own.
    try:
        process = subprocess.Popen(  # noqa: S603  (ourselves)
            [sys.executable, "-P", "-c", _SERVE, str(sender)],
            stdin=subprocess.PIPE, pass_fds=[sender], process_group=0,
        )  # fmt: skip
    except OSError:
        os.close(receiver)
        raise
    finally:
        os.close(sender)  # the process has the only one left, so its death is seen
    assert process.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):  # it died, which is raised below
            pickle.dump(sys.path, process.stdin)
            pickle.dump((function, args), process.stdin)
            process.stdin.flush()
        answered = select.poll()  # select() knows no more than 1,024 descriptors
        answered.register(receiver)
        if not answered.poll(None if within is None else 1e3 * within):
            raise ProcessTimedOut(f"it took longer than {within:g} s")
        with os.fdopen(receiver, "rb", closefd=False) as answers:
            got = answers.read()
    finally:
        process.kill()  # it has answered, or its answer is no longer awaited
        code = process.wait()
        os.close(receiver)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    if not got:
        why = ", most likely because memory was short" if code == -signal.SIGKILL else ""
        raise ProcessDied(f"its process died with exit code {code}{why}")
    answer: R | _Refused = pickle.loads(got)  # noqa: S301  (of our own process)
    if isinstance(answer, _Refused):
        raise CxrError(answer.message)
    return answer


def serve() -> None:
    """Run the subprocess: call the function that is sent, answer, and end with the parent."""
    try:
        sys.path[:] = pickle.load(sys.stdin.buffer)  # noqa: S301
        function, args = pickle.load(sys.stdin.buffer)  # noqa: S301
    except EOFError:  # the parent died before it sent the call
        os._exit(1)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        answer = function(*args)
    except CxrError as exc:
        answer = _Refused(str(exc))
    with contextlib.suppress(BrokenPipeError), os.fdopen(int(sys.argv[1]), "wb") as sender:
        pickle.dump(answer, sender)
    os._exit(0)  # nothing is left to do, and libraries may take long to unload


def _die_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the parent's end is closed
    os.kill(os.getpid(), signal.SIGKILL)
