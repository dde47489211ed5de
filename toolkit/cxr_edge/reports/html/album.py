"""The pictures of a page, made before the page, which tells at its top what they lack."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO, Self


class Album:
    """Pictures in a temporary file, since thousands of them need not fit in memory, and counts."""

    def __init__(self, file: IO[bytes]) -> None:
        """Keep pictures in ``file``, which is open for writing and reading."""
        self._file = file
        self.images = 0
        """Images that were to have pictures."""
        self.problems: Counter[str] = Counter()
        """Those without, by the word for why."""
        self.heat_maps = 0
        """Images with a heat map."""
        self.unfit_heat_maps = 0
        """Images whose heat map is there, and cannot be shown."""

    @classmethod
    def of(cls, pictures: Iterable[tuple[int, dict[str, str]]], file: IO[bytes]) -> Self:
        """Take pictures, as :meth:`cxr_edge.reports.html.pictures.Pictures.of` yields them.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        album = cls(file)
        for number, picture in pictures:
            file.write(json.dumps([number, picture]).encode() + b"\n")
            album.images += 1
            if "problem" in picture:
                album.problems[picture["problem"]] += 1
            album.heat_maps += "heat_map" in picture
            album.unfit_heat_maps += "heat_map_problem" in picture
        return album

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the pictures again."""
        self._file.seek(0)
        for line in self._file:
            number, picture = json.loads(line)
            yield number, picture
