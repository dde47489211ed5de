"""Files and folders that a scan does not take: the reasons, their words and their counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cxr_edge.storage.base import Kind
from cxr_edge.system.printable import printable

FIRST_LOST: Final = 5
"""Count of folders and files that may hold images and are named; all are counted."""

HIDDEN: Final = "hidden"
"""Key of hidden files and folders."""

SYSTEM: Final = "system"
"""Key of files and folders that a system made for itself: thumbnails, trash, snapshots."""

SPECIAL: Final = "special"
"""Key of pipes, sockets and devices."""

LINK: Final = "link"
"""Key of links, where none is followed."""

NAMELESS: Final = "name"
"""Key of files in a bucket or an archive that no file can be named as, or a folder above them:
empty, ``..``, or with a NUL. A bucket's key ``a//b.png`` is in a folder with an empty name."""

REPLACED: Final = "replaced"
"""Key of files in an archive that a later one of the same name replaces."""

LOOP: Final = "loop"
"""Key of links to a folder above them, in the PATH or outside of it."""

OTHER_MODALITY: Final = "other-modality"
"""Key of series in an archive that have no radiographs."""

OTHER_BODY_PART: Final = "other-body-part"
"""Key of series and images in an archive that show no chest."""

UNLISTED: Final = "unlisted"
"""Key of folders that were skipped because they cannot be listed."""

PACKED: Final = "packed"
"""Key of archives and compressed files, which nobody looks into."""

OTHER: Final = "other"
"""Key of files that are no images, by their first bytes."""

MAY_HOLD_IMAGES: Final = (UNLISTED, PACKED, NAMELESS, REPLACED)
"""Keys of what is skipped although images may be in it."""

SKIP_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    OTHER: ("not an image", "not images"),
    HIDDEN: ("hidden", "hidden"),
    SYSTEM: (
        "thumbnail, trash or snapshot of a system",
        "thumbnails, trash or snapshots of a system",
    ),
    SPECIAL: ("pipe, socket or device", "pipes, sockets or devices"),
    LINK: ("link", "links"),
    NAMELESS: ("name that no file can have", "names that no file can have"),
    REPLACED: (
        "file that a later one of its name replaces",
        "files that later ones of their names replace",
    ),
    LOOP: ("link to a folder above", "links to a folder above"),
    OTHER_MODALITY: ("series of another modality", "series of other modalities"),
    OTHER_BODY_PART: (
        "image or series of another body part",
        "images or series of other body parts",
    ),
    UNLISTED: ("folder that could not be read", "folders that could not be read"),
    PACKED: ("packed file", "packed files"),
}
"""Words for the reasons why files and folders are skipped: for one, and for several."""

BY_KIND: Final[Mapping[Kind, str]] = {
    Kind.SPECIAL: SPECIAL,
    Kind.LINK: LINK,
    Kind.REPLACED: REPLACED,
    Kind.OTHER_MODALITY: OTHER_MODALITY,
    Kind.OTHER_BODY_PART: OTHER_BODY_PART,
}
"""Reasons why an entry of a folder is skipped, by its kind."""


@dataclass
class Skipped:
    """Counts of the files and folders that were not taken, by reason."""

    counts: Counter[str] = field(default_factory=Counter)
    """Counts by key of :data:`SKIP_REASONS`."""

    first_lost: list[str] = field(default_factory=list)
    """Paths of the first :data:`FIRST_LOST` of :data:`MAY_HOLD_IMAGES`, as in the report."""

    disks: list[str] = field(default_factory=list)
    """Paths, as in the report, of the disks that are mounted below the PATHs and are walked."""

    def add(self, reason: str, path: str) -> None:
        """Count one."""
        self.counts[reason] += 1
        if reason in MAY_HOLD_IMAGES and len(self.first_lost) < FIRST_LOST:
            self.first_lost.append(printable(path))
