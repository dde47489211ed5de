"""What a conversion is asked for."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.imaging.encode import Encoding
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.convert_mapping import (
    MAPPING,
)
from cxr_edge.pipeline.discover import ImageItem, Skipped, discover
from cxr_edge.reports.append_log import check_place
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.system.cpu import usable_cpus


@dataclass(frozen=True)
class ConvertJob:
    """What to convert into what, and where."""

    source: Path
    """A file, or a folder with all below it."""
    target: Path
    """Folder of the images."""
    mapping: Path
    """CSV that links the two."""
    key: Path | None
    """File with the key of the names; None keeps the names that there are."""
    encoding: Encoding = field(default_factory=Encoding)
    """Of the images."""
    workers: int = field(default_factory=usable_cpus)
    """Files at work at once."""
    in_flight: InFlightTable = field(default_factory=InFlightTable)
    """That is told what is at work."""

    def items(self, skipped: Skipped | None = None) -> Iterator[ImageItem]:
        """Yield the files to convert: what ``discover`` finds, without our own files."""
        own = {os.path.abspath(path) for path in self._own}  # noqa: PTH100  (links stay)
        return (item for item in discover([self.source], skipped) if item.where not in own)

    @property
    def _own(self) -> list[Path]:
        return [self.mapping, manifest_path(self.mapping), *([self.key] if self.key else [])]

    def check(self) -> None:
        """Check that this can be done, before anything is.

        Raises
        ------
        UsageError
            A place is wrong.
        """
        where = self.target if self.target.exists() else self.target.parent
        if not where.is_dir():
            raise UsageError(f"DST: expected a folder, or a new one in a folder; {where} is none")
        check_place(MAPPING, self.mapping)
        source, target = self.source.resolve(), self.target.resolve()
        if target == source or target in source.parents or source in target.parents:
            raise UsageError(
                f"expected SRC and DST apart from each other, got {source} and {target}"
            )
        for path in self._own:
            if target in path.resolve().parents:
                raise UsageError(
                    f"expected {path.name} outside of DST, so that DST can be handed on without it"
                )
