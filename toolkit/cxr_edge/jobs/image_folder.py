"""The folder of images that a conversion writes."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from cxr_edge.errors import ImageError, ReportError
from cxr_edge.imaging.sniff import SUFFIXES
from cxr_edge.jobs.convert_mapping import MAPPING, Converted, ConvertOutcome, Encoded
from cxr_edge.jobs.pseudonyms import TargetNames, pseudonym
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.prepare import Attempt, failure
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.system.printable import cell_shown, printable


class ImageFolder:
    """The folder that images are written to, under names given in the order of the files."""

    def __init__(self, folder: Path, suffix: str, key: bytes | None) -> None:
        """Name images by ``key``, or keep the original names without one."""
        self._folder = folder
        self._key = key
        self._names = TargetNames(suffix)

    def recall(self, row: Mapping[str, str], item: ImageItem) -> None:
        """Take a row of an earlier run, and check that its image is there.

        Raises
        ------
        ReportError
            It is not.
        """
        if row["status"] != "ok":
            return
        target = row["target"]
        if self._key is None:  # printed, a name need not be what it is
            target = self._names.claim(_without_suffix(item.path))
        else:
            self._names.note(target)
        if not os.path.isfile(self._folder / target):  # noqa: PTH113  (of any name)
            raise ReportError(
                f"the conversion cannot be continued: {self._folder} lacks "
                f"{cell_shown(row['target'])}; "
                f"{MAPPING.advice}"
            )

    def write(self, item: ImageItem, attempt: Attempt[Encoded]) -> ConvertOutcome:
        """Write the image, if there is one, and return the outcome.

        Raises
        ------
        ReportError
            The image cannot be written.
        """
        made = attempt.content
        if isinstance(made, ImageError):
            return failure(item, attempt, made)
        if self._key is None:
            stem = _without_suffix(item.path)
        else:
            stem = pseudonym(self._key, made.uid or attempt.sha256)
        target = self._names.claim(stem)
        self._save(self._folder / target, made.data)
        return Converted(item.path, target, attempt.sha256, made.source)

    def _save(self, path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, durable=True) as temporary:
                temporary.write_bytes(data)
        except OSError as exc:
            long = exc.errno == errno.ENAMETOOLONG
            helps = "choose a DST with a shorter path" if long else "make room"
            raise ReportError(
                f"{printable(str(path))} cannot be written: {exc.strerror}; {helps} and run the "
                "same command again"
            ) from exc


def _without_suffix(path: str) -> str:
    """Take away an image's suffix, and not the last number of a name that is a UID."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix.lower() in SUFFIXES else path
