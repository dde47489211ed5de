"""The question whether a program is writing a file at this moment."""

import fcntl
import os
import signal


def is_written(path: str) -> bool | None:
    """Tell whether a program has a regular file open for writing; None where nobody knows.

    Linux gives nobody a read lease on a file that is open for writing, fcntl(2). It knows of
    programs on this machine, Samba's and NFS's servers among them. It gives no leases at all on
    most network shares, and on files of other users.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except BlockingIOError:  # a program has it for itself, and is now asked to give it up
        return True
    except OSError:
        return None
    try:
        # Whoever opens it meanwhile makes the system send this signal, which nobody minds.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except (AttributeError, OSError):
        return None
    finally:
        os.close(handle)
    return False
