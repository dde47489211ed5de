"""The address of a Ray cluster: whether somebody answers there, and why it may refuse."""

import socket
from typing import Final

from cxr_edge.errors import CxrError, UsageError
from cxr_edge.system.printable import first_line, printable

AUTO: Final = "auto"
"""Address of the cluster that this machine is a node of."""

SECONDS: Final = 10.0
"""Seconds within which a cluster has to answer at its address."""


def require_answer(address: str) -> None:
    """Refuse an address where nobody listens, which Ray would try for minutes.

    Parameters
    ----------
    address
        ``HOST:PORT``, or :data:`AUTO`, which Ray itself looks up.

    Raises
    ------
    UsageError
        The address is none.
    CxrError
        Nobody listens there.
    """
    if address == AUTO:
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdecimal()):
        raise UsageError(
            f"--address: expected HOST:PORT of the cluster's head, or {AUTO}, got "
            f"{printable(address)!r}; run the command on a machine of the cluster"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
    except (OSError, OverflowError) as exc:
        why = getattr(exc, "strerror", "") or str(exc)
        raise CxrError(
            f"--address {printable(address)}: nobody answers there ({why}); start the cluster with "
            "'ray start --head', or check host and port"
        ) from exc


def why_refused(error: Exception, notes: bytes) -> str:
    """Return why a cluster refused, and what to do.

    Parameters
    ----------
    error
        Error of Ray.
    notes
        Lines that Ray wrote to standard error meanwhile.
    """
    if b"InvalidAuthToken" in notes or b"Unauthenticated" in notes:
        return (
            "the cluster refuses the token of this machine, or there is none; give that of the "
            "cluster in RAY_AUTH_TOKEN, and set RAY_AUTH_MODE=token"
        )
    message = str(error)
    if message.startswith("Version mismatch"):
        lines = [line.strip() for line in message.splitlines()]
        return (
            f"the cluster has other versions ({'; '.join(lines[1:]).replace(':;', ':')}); install "
            "the same Ray and Python on all of its machines"
        )
    return (
        f"this machine cannot join the cluster ({first_line(error)}); run the command on a "
        "machine where 'ray start' has joined it, with --address auto"
    )
