"""The images that a report may lack, in words."""

from collections.abc import Mapping, Sequence
from typing import Final

from cxr_edge.pipeline.skipped import NAMELESS, PACKED, REPLACED, UNLISTED
from cxr_edge.system.plural import counted, worded
from cxr_edge.system.printable import first_names

_WORDS: Final[Mapping[str, tuple[tuple[str, str], tuple[str, str]]]] = {
    PACKED: (
        ("packed file was not looked into", "packed files were not looked into"),
        ("unpack it", "unpack them"),
    ),
    UNLISTED: (
        ("folder could not be read", "folders could not be read"),
        ("check the permissions", "check the permissions"),
    ),
    NAMELESS: (
        (
            "name that no file can have was not followed",
            "names that no file can have were not followed",
        ),
        ("rename it", "rename them"),
    ),
    REPLACED: (
        (
            "file is replaced by a later one of its name",
            "files are replaced by later ones of their names",
        ),
        ("give both a name of their own", "give each a name of its own"),
    ),
}
"""Words for what images may be in, and for what helps, by reason: for one, and for several."""


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
    lost = {reason: skipped[reason] for reason in _WORDS if skipped.get(reason)}
    found = " and ".join(counted(count, *_WORDS[reason][0]) for reason, count in lost.items())
    advice = ", ".join(worded(count, *_WORDS[reason][1]) for reason, count in lost.items())
    names = f" ({first_names(first, sum(lost.values()))})" if first else ""
    return f"images may be missing: {found}{names}: {advice} and {again} again"
