"""Arguments of the Python API: paths, texts and switches, and the error of any other kind."""

import os
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.system.printable import shortened


def require_path(name: str, value: object) -> Path:
    """Return an argument as a path; raises as :func:`require_path_text`."""
    return Path(require_path_text(name, value))


def require_path_text(name: str, value: object) -> str:
    """Return an argument that is a path as text, which may have a scheme.

    Raises
    ------
    UsageError
        It is neither text nor a path object, or no file can have it as its path.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or "\0" in path or not _encodable(path):
        expected = "a path as text or pathlib.Path, which has no NUL in it"
        raise UsageError(f"{name}: expected {expected}, got {_shown(value)}")
    return path


def require_text(name: str, value: object) -> str:
    """Return an argument that is text; raises UsageError for any other kind."""
    if not isinstance(value, str):
        raise UsageError(f"{name}: expected text, got {_shown(value)}")
    return str(value)


def require_switch(name: str, value: object) -> bool:
    """Return an argument that is True or False; raises UsageError for any other kind."""
    if not isinstance(value, bool):
        raise UsageError(f"{name}: expected True or False, got {_shown(value)}")
    return value


def _encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:  # half of a character
        return False
    return True


def _shown(value: object) -> str:
    return shortened(repr(value))
