"""Kinds of archives by the suffixes of their names, and the error of one that is damaged."""

from collections.abc import Mapping
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.system.printable import printable

ZIP: Final = ".zip"
"""Suffix of zip archives."""

TAR: Final[Mapping[str, str]] = {
    ".tar": "",
    ".tar.gz": "gzip",
    ".tgz": "gzip",
    ".tar.bz2": "bzip2",
    ".tbz2": "bzip2",
    ".tar.xz": "xz",
    ".txz": "xz",
}
"""Suffixes of tar archives, each with its compression; empty where there is none."""


def is_archive(path: str) -> bool:
    """Tell whether a path is that of an archive, by its name."""
    return path.lower().endswith((ZIP, *TAR))


def damaged_archive(path: str, kind: str) -> UsageError:
    """Return the error of an archive that cannot be read as its name says."""
    return UsageError(
        f"{printable(path)}: expected a {kind} archive, got one that is damaged or of another "
        "kind; copy it again, or unpack what can be unpacked and scan the folder"
    )
