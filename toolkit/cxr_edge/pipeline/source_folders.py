"""The folders of the files in hand, and whether they are still there."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cxr_edge.errors import TimedOut, Unreadable
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.folder import Folder
from cxr_edge.pipeline.outcome import Failure

_SUSPICIOUS: Final = frozenset({Unreadable.reason, TimedOut.reason})
"""Reasons that every file has when its disk or network is gone."""


class SourceFolders:
    """Folders that must stay: without them every file in them would be a failed row."""

    def __init__(self) -> None:
        """Start with no file in hand."""
        self._folders: deque[Folder | None] = deque()

    def passing(self, items: Iterable[ImageItem]) -> Iterator[ImageItem]:
        """Yield the files that are taken up, and note in which folders they are."""
        for item in items:
            self._folders.append(item.folder)
            yield item

    def check(self, outcomes: Sequence[object]) -> None:
        """Look after the folder of a file that failed as all would whose disk is gone.

        Parameters
        ----------
        outcomes
            Outcomes of the next files, one for each in the order in which they passed.

        Raises
        ------
        ReportError
            A folder is gone.
        """
        for outcome in outcomes:
            folder = self._folders.popleft()
            if folder and isinstance(outcome, Failure) and outcome.reason in _SUSPICIOUS:
                folder.check()
