"""The pictures of a page: thumbnail, larger view and heat map of an image, bounded in size."""

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.errors import ImageError
from cxr_edge.imaging.heat_map_file import heat_map_path
from cxr_edge.imaging.preview import heat_map_preview, preview
from cxr_edge.pipeline.prepare import attempt
from cxr_edge.pipeline.roots import file_of
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.reports.html.worklist import Group, Row
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.printable import printable
from cxr_edge.system.progress import track


@dataclass(frozen=True)
class Pictures:
    """The source of a page's pictures."""

    roots: Mapping[str, str]
    """Folders and files that were scanned, as in the manifest."""
    most: int
    """Count of the first images of the worklist that get pictures."""
    heat_maps: Path | None = None
    """Folder of heat maps."""

    def of(self, rows: Sequence[Row]) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the number of each row that gets pictures, and what the page has of it.

        The keys are ``thumbnail``, ``view`` and ``heat_map``, which are data URIs; or ``problem``
        in a word or two, and ``why`` in a sentence.
        """
        scored = [number for number, row in enumerate(rows) if row.group != Group.FAILED]
        first = scored[: self.most]
        made = ThreadEngine(usable_cpus()).map_ordered(lambda n: self._picture(rows[n]), first)
        yield from track(made, "making pictures", len(first))

    def _picture(self, row: Row) -> dict[str, str]:
        file = file_of(row.path, self.roots)
        if file is None:
            return _problem("not found", "the folder that was scanned is not known")
        found = attempt(file, preview)
        if isinstance(found.content, ImageError):
            if not found.sha256 and not _is_there(file):
                return _problem("not found", f"expected it at {printable(str(file))}")
            return _problem("not readable", str(found.content))
        if row.sha256 and found.sha256 != row.sha256:
            return _problem("changed", "the file has changed since it was scanned; scan it again")
        picture = {
            "thumbnail": _data_uri(found.content.thumbnail),
            "view": _data_uri(found.content.view),
        }
        return picture | self._heat_map(row)

    def _heat_map(self, row: Row) -> dict[str, str]:
        if self.heat_maps is None:
            return {}
        file = heat_map_path(self.heat_maps, row.path)
        if not _is_there(file):
            return {}
        found = attempt(file, heat_map_preview).content
        if isinstance(found, ImageError):
            return {"heat_map_problem": f"{printable(str(file))} cannot be shown: {found}"}
        return {"heat_map": _data_uri(found)}


def _is_there(file: Path) -> bool:
    return os.path.exists(file)  # noqa: PTH110  (Path raises for a name that is too long)


def _problem(word: str, why: str) -> dict[str, str]:
    return {"problem": word, "why": f"Image {word}: {why}."}


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
