"""The images that a report may lack, in words."""

from collections.abc import Mapping, Sequence

from cxr_edge.pipeline.discover import PACKED, UNLISTED
from cxr_edge.system.plural import counted, worded
from cxr_edge.system.printable import first_names


def missing_line(skipped: Mapping[str, int], first: Sequence[str], again: str) -> str:
    """Return what was skipped although images may be in it, the warning of exit code 3.

    Parameters
    ----------
    skipped
        Counts of what was skipped, by reason.
    first
        Names of the first; empty where none may be told.
    again
        Word for what to do once that is mended: ``scan``.
    """
    packed, unlisted = skipped.get(PACKED, 0), skipped.get(UNLISTED, 0)
    found, advice = [], []
    if packed:
        found.append(f"{counted(packed, 'packed file was', 'packed files were')} not looked into")
        advice.append(f"unpack {worded(packed, 'it', 'them')}")
    if unlisted:
        found.append(f"{counted(unlisted, 'folder', 'folders')} could not be read")
        advice.append("check the permissions")
    names = f" ({first_names(first, packed + unlisted)})" if first else ""
    what = f"{' and '.join(found)}{names}: {', '.join(advice)} and {again} again"
    return f"images may be missing: {what}"
