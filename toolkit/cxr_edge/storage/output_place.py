"""The folder for output at a place that a user names."""

from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.storage.local_output import LocalOutput
from cxr_edge.storage.output_folder import OutputFolder


def output_at(option: str, place: str) -> OutputFolder:
    """Return the folder at a place; it need not be there.

    Parameters
    ----------
    option
        Option or argument that names the place, for messages.
    place
        Path of a folder.

    Raises
    ------
    UsageError
        It is no place for files.
    """
    if not place.strip() or "\0" in place or place == "-" or "://" in place:
        raise UsageError(f"{option}: expected a folder, got {place!r:.100}; give its path")
    return LocalOutput(Path(place))
