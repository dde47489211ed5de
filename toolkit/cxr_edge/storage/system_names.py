"""Names of files and folders that systems make for themselves: thumbnails, trash, snapshots."""

from pathlib import Path
from typing import Final

_NAMES: Final = frozenset(
    {
        # Synology and QNAP
        "@eadir", "@tmp", "@__thumb", "@recycle", "@recently-snapshot", "#recycle", "#snapshot",
        # Windows
        "$recycle.bin", "recycler", "recycled", "system volume information", "found.000",
        "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",
        # macOS
        "__macosx", "network trash folder", "temporary items", "icon\r",
        # Linux and NetApp
        "lost+found", "~snapshot",
    }
)  # fmt: skip
"""The names in lower case; those that start with a dot are hidden anyway."""


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is hidden, by its name."""
    return name.startswith(".")


def is_system(name: str) -> bool:
    """Tell whether a file or folder belongs to a system, by its name."""
    return name.lower() in _NAMES


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder that are neither hidden nor a system's, sorted.

    Raises
    ------
    OSError
        The folder cannot be listed.
    """
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if not is_hidden(name) and not is_system(name))


def is_empty(folder: Path) -> bool:
    """Tell whether a folder has nothing but what is hidden or a system's; as :func:`names_in`."""
    return not names_in(folder)


def is_taken(place: Path) -> bool:
    """Tell whether something is at a place, other than an empty folder."""
    return place.exists() and not (place.is_dir() and is_empty(place))
