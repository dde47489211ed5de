"""The check that a folder can be written to, before there is anything to write."""

import os
from pathlib import Path


def obstacle(folder: Path) -> Path | None:
    """Return what keeps a folder from being made or written to; None where nothing does.

    Parameters
    ----------
    folder
        Path of the folder, which need not exist yet.

    Returns
    -------
    Path or None
        The nearest path from the folder upwards that exists, if it is no folder to write to.
    """
    place = folder.absolute()
    there = next(path for path in (place, *place.parents) if os.path.lexists(path))
    return None if there.is_dir() and os.access(there, os.W_OK) else there
