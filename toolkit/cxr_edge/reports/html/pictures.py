"""The pictures of a page: thumbnail, larger view and heat map of an image, bounded in size."""

import base64
import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.errors import ImageError
from cxr_edge.imaging.heat_map_file import heat_map_note, heat_map_path
from cxr_edge.imaging.png_note import has_note, is_noted
from cxr_edge.imaging.preview import heat_map_preview, preview
from cxr_edge.pipeline.prepare import attempt
from cxr_edge.pipeline.roots import file_of
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.reports.html.worklist import Group, Row
from cxr_edge.storage.move import moved_to
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.printable import printable
from cxr_edge.system.progress import track

NOT_FOUND: Final = "not found"
"""Nothing is where an image should be."""

CHANGED: Final = "changed"
"""The bytes of an image are not those that were scanned."""

REPLACED: Final = "replaced"
"""The bytes are those of another row of the same path."""

NOT_READABLE: Final = "not readable"
"""An image cannot be read or decoded."""


@dataclass(frozen=True)
class Pictures:
    """The source of a page's pictures."""

    roots: Mapping[str, str]
    """Folders and files that were scanned, as in the manifest."""
    most: int
    """Count of the first images of the worklist that get pictures."""
    heat_maps: Path | None = None
    """Folder of heat maps."""
    model_sha256: str = ""
    """SHA-256 of the model that the rows are from; empty where it is not known."""
    threshold: str = ""
    """Threshold, as it stands in the rows."""

    def of(self, rows: Sequence[Row]) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the number of each row that gets pictures, and what the page has of it.

        The keys are ``thumbnail``, ``view`` and ``heat_map``, which are data URIs; or ``problem``
        in a word or two, and ``why`` in a sentence.
        """
        scored = [number for number, row in enumerate(rows) if row.group != Group.FAILED]
        first = scored[: self.most]
        contents = {(row.path, row.sha256) for row in rows}
        made = ThreadEngine(usable_cpus()).map_ordered(
            lambda n: self._picture(rows[n], contents), first
        )
        yield from track(made, "making pictures", len(first))

    def _picture(self, row: Row, contents: Container[tuple[str, str]]) -> dict[str, str]:
        file = file_of(row.path, self.roots)
        if file is None:
            return _problem(NOT_FOUND, "the folder that was scanned is not known")
        found = attempt(file.where, preview, file.storage)
        if found.sha256 and row.sha256 and found.sha256 != row.sha256:
            if file.file and (place := moved_to(file.file, row.sha256)):
                found = attempt(place, preview)
            elif (row.path, found.sha256) in contents:
                return _problem(REPLACED, "a later file has its path, and a row of its own")
        if isinstance(found.content, ImageError):
            if not found.sha256 and not file.is_there():
                return _problem(NOT_FOUND, f"expected it at {printable(file.where)}")
            return _problem(NOT_READABLE, str(found.content))
        if row.sha256 and found.sha256 != row.sha256:
            return _problem(CHANGED, "the file has changed since it was scanned; scan it again")
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
        if self._is_of_another(file, row):
            why = "is of another image, model or threshold, and is not shown"
            return {"heat_map_problem": f"{printable(str(file))} {why}."}
        found = attempt(file, heat_map_preview).content
        if isinstance(found, ImageError):
            return {"heat_map_problem": f"{printable(str(file))} cannot be shown: {found}"}
        return {"heat_map": _data_uri(found)}

    def _is_of_another(self, file: Path, row: Row) -> bool:
        """Tell whether a heat map says in itself that it is of something else than a row."""
        note = heat_map_note(row.sha256, self.model_sha256, self.threshold)
        is_known = row.sha256 and self.model_sha256 and note.isascii()
        return bool(is_known) and is_noted(file) and not has_note(file, note)


def _is_there(file: Path) -> bool:
    return os.path.exists(file)  # noqa: PTH110  (Path raises for a name that is too long)


def _problem(word: str, why: str) -> dict[str, str]:
    return {"problem": word, "why": f"Image {word}: {why}."}


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
