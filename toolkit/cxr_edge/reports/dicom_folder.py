"""The folder of DICOM objects that are made of the results of a report."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_edge.errors import ImageError
from cxr_edge.imaging.dicom.source_header import SourceHeader, read_source_header
from cxr_edge.imaging.heat_map_file import heat_map_note, heat_map_path
from cxr_edge.imaging.png_note import has_note
from cxr_edge.imaging.preview import heat_map_pixels
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.pipeline.prepare import attempt
from cxr_edge.pipeline.roots import Located
from cxr_edge.reports.csv_report import shown
from cxr_edge.reports.dicom_sr import (
    Run,
    build_capture,
    build_report,
    capture_uid,
    is_object,
    report_uid,
)
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.storage.move import moved_to

_FIRST: Final = 5
"""Images that failed, which are named."""


@dataclass
class Objects:
    """Counts of the objects of a folder, and of images that have none."""

    reports: int = 0
    """Structured reports, written now or before."""
    captures: int = 0
    """Pictures of heat maps, likewise."""
    kept: int = 0
    """Objects of both kinds that were there and equal, so that they were not written again."""
    copies: int = 0
    """Images that have the bytes of one before, whose report is theirs too."""
    no_dicom: int = 0
    """Images of other formats, which DICOM cannot refer to."""
    failed_in_scan: int = 0
    """Files without a result."""
    failed: Counter[str] = field(default_factory=Counter)
    """Images without their report or picture, by why."""
    first_failed: list[str] = field(default_factory=list)
    """The first of them, each with why."""

    def fail(self, path: str, why: str, told: str = "") -> None:
        """Count an image that failed by why, and tell the first of them, in words of their own."""
        self.failed[why] += 1
        if len(self.first_failed) < _FIRST:
            self.first_failed.append(f"{path}: {told or why}")


@dataclass
class DicomFolder:
    """A folder that takes a report on each image once, named by its UID: ``UID.dcm``.

    An object that is there and equal stays, one of the same UID is replaced, and a file that is
    something else never.
    """

    folder: Path
    """The folder."""
    run: Run
    """Scan that gave the results."""
    heat_maps: Path | None = None
    """Folder of heat maps that a scan drew; pictures of those that are there are made too."""
    objects: Objects = field(default_factory=Objects)
    """Counts."""

    def __post_init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}  # digest and path, by SOP Instance UID

    def write(self, prediction: Prediction, file: Located | None) -> None:
        """Write what is made of one image, or count why that cannot be.

        Parameters
        ----------
        prediction
            Result of the image.
        file
            The image; None where nobody knows where it is.

        Raises
        ------
        OSError
            The folder cannot be written to.
        """
        source = _source(prediction, file)
        if isinstance(source, str):
            self.objects.fail(prediction.path, source)
            return
        this = prediction.sha256, prediction.path
        digest, other = self._first.setdefault(source.sop_instance, this)
        if digest != prediction.sha256:
            why = "another image has its SOP Instance UID, but other bytes"
            told = f"{other} has the same SOP Instance UID, but other bytes, and got the report"
            self.objects.fail(prediction.path, why, told)
            return
        if other != prediction.path:
            self.objects.copies += 1
            return
        uid = report_uid(self.run, source, prediction)
        report = build_report(self.run, source, prediction)
        self.objects.reports += self._put(prediction.path, uid, report)
        self._write_capture(prediction, source)

    def _write_capture(self, prediction: Prediction, source: SourceHeader) -> None:
        """Write the picture of the heat map, where there is one of this image, model, threshold."""
        if self.heat_maps is None:
            return
        file = heat_map_path(self.heat_maps, prediction.path)
        if not file.is_file():  # a scan draws those of positive images alone, unless asked
            return
        made = self.run.made_with
        note = heat_map_note(prediction.sha256, made.model_sha256, shown(prediction.threshold))
        if not has_note(file, note):
            why = "its heat map is of another image, model or threshold"
            self.objects.fail(prediction.path, why)
            return
        picture = attempt(file, heat_map_pixels).content
        if isinstance(picture, ImageError):
            self.objects.fail(prediction.path, f"its heat map cannot be read: {picture}")
            return
        capture = build_capture(self.run, source, prediction, picture[:, :, ::-1])
        uid = capture_uid(self.run, source, prediction)
        self.objects.captures += self._put(prediction.path, uid, capture)

    def _put(self, path: str, uid: str, data: bytes) -> bool:
        """Write an object, unless it is there; return whether it is there now."""
        place = self.folder / f"{uid}.dcm"
        if place.exists():
            there = place.read_bytes() if place.is_file() else b""
            if there == data:
                self.objects.kept += 1
                return True
            if not is_object(there, uid):
                self.objects.fail(path, "its place in the folder is taken by a file of others")
                return False
        with atomic_write(place) as half:
            half.write_bytes(data)
        return True


def _source(prediction: Prediction, file: Located | None) -> SourceHeader | str:
    """Return the header of the image that was scanned, or why it cannot be used."""
    if file is None or not file.is_there():
        return "the image is not where it was scanned"
    found = attempt(file.where, read_source_header, file.storage)
    if found.sha256 and found.sha256 != prediction.sha256:
        place = moved_to(file.file, prediction.sha256) if file.file else None
        if place is None:
            return "the image has changed since it was scanned"
        found = attempt(place, read_source_header)
    return str(found.content) if isinstance(found.content, ImageError) else found.content
