"""A function's answer from a process of its own: its memory and its libraries are nobody else's."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

from cxr_edge.errors import CxrError

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class _Refused:
    """What stands for an answer where there is none."""

    message: str


def apart(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function in a fresh process.

    Parameters
    ----------
    function
        Of a module, so that the process finds it; its arguments and its answer are pickled.

    Raises
    ------
    CxrError
        With the text of the one that it raised there, or the process died.
    """
    # Fresh, not forked: a fork begins with the memory of this process, and with its threads' locks.
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, function, args, kwargs), daemon=True)
    # Ctrl-C is for this process, which then ends the other; the mask is inherited.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    sender.close()  # the process has the only one left, so its death is seen
    try:
        answer: R | _Refused = receiver.recv()
    except EOFError:
        process.join()
        why = ", mostly since memory was short" if process.exitcode == -signal.SIGKILL else ""
        raise CxrError(f"its process died with exit code {process.exitcode}{why}") from None
    finally:
        process.kill()  # it has answered, or nobody waits for its answer any more
        process.join()
    if isinstance(answer, _Refused):
        raise CxrError(answer.message)
    return answer


def _answer(
    sender: Connection, function: Callable[..., object], args: tuple[object, ...], kwargs: object
) -> None:
    assert isinstance(kwargs, dict)
    try:
        sender.send(function(*args, **kwargs))
    except CxrError as exc:
        sender.send(_Refused(str(exc)))
