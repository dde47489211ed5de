"""The files and folders that a command reads, apart from those that it writes itself."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.pipeline.discover import ImageItem, Skipped, candidates, discover


@dataclass(frozen=True)
class Sources:
    """Files and folders that a command reads, without the files that it writes itself."""

    paths: Sequence[str | Path]
    """Files and folders."""
    own: Sequence[Path]
    """Files of the command itself, which are neither taken nor counted."""

    def items(self, skipped: Skipped | None = None) -> Iterator[ImageItem]:
        """Yield the files to take, as :func:`discover`."""
        return discover(self.paths, skipped, own=self._own)

    def candidates(self) -> Iterator[ImageItem]:
        """Yield the files that may be taken, as :func:`candidates`."""
        return candidates(self.paths, own=self._own)

    @property
    def _own(self) -> set[str]:
        return {os.path.abspath(path) for path in self.own}  # noqa: PTH100  (links stay)
