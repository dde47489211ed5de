"""One conversion into one folder and its mapping."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.imaging.decode import decode, decode_deep
from cxr_edge.imaging.encode import Container, Encoding
from cxr_edge.imaging.sniff import Format
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_mapping import (
    MAPPING,
    ConvertIdentity,
    ConvertManifest,
    ConvertOutcome,
    Encoded,
    mapping_row,
)
from cxr_edge.jobs.image_folder import ImageFolder
from cxr_edge.jobs.pseudonyms import pseudonym, read_or_make_key
from cxr_edge.jobs.resumable import run_resumable
from cxr_edge.pipeline.discover import ImageItem, Skipped
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.reports.append_log import CsvKind, is_started
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.sink import Sink
from cxr_edge.spec.recipe import CXR_1
from cxr_edge.storage.atomic import remove_half_written
from cxr_edge.storage.system_names import is_empty

_AHEAD: Final = 2
"""Images per worker that may wait for an earlier one; they are in memory."""


def convert(data: bytes, encoding: Encoding) -> Encoded:
    """Decode a file as a scan does, and encode what a scan sees.

    Raises
    ------
    ImageError
        As :func:`cxr_edge.imaging.decode.decode` and :meth:`Encoding.encode`.
    """
    if encoding.bits == 16:
        image, deep = decode_deep(data)
        encoded = encoding.encode(deep)
    else:
        image = decode(data)
        encoded = encoding.encode(image.pixels)
    uid = ""
    if image.source.format == Format.DICOM:
        from cxr_edge.imaging.dicom.decode import instance_uid  # pydicom is loaded for DICOM alone

        uid = instance_uid(data)
    return Encoded(encoded, uid, image.source)


def run_convert(job: ConvertJob, sinks: Sequence[Sink[ConvertOutcome]] = ()) -> ConvertManifest:
    """Convert a folder, continuing what an earlier run started.

    A file's image is whole and on the disk before its row is written, so that a run that is killed
    at any time and started again leaves the same bytes as an undisturbed one.

    Parameters
    ----------
    job
        Source, folder of images, mapping and format.
    sinks
        Sinks that get every outcome once its row is in the mapping.

    Returns
    -------
    ConvertManifest
        The manifest as it stands beside the mapping; its exit code is the command's.

    Raises
    ------
    UsageError
        A place or the key is wrong; nothing was done.
    ReportError
        Images or mapping cannot be written or continued.
    """
    job.check()
    return run_resumable(_ConvertWork(job), after=sinks)


@dataclass
class _ConvertWork:
    """A conversion, as :class:`cxr_edge.jobs.resumable.Work`."""

    job: ConvertJob
    """Source, folder of images, mapping and format."""

    def __post_init__(self) -> None:
        self.key: bytes | None = None
        self.images = ImageFolder(self.job.target, self.job.encoding.container, None)

    @property
    def kind(self) -> CsvKind:
        return MAPPING

    @property
    def out(self) -> Path:
        return self.job.mapping

    @property
    def arriving(self) -> bool:
        return False

    @property
    def add_new(self) -> bool:
        return False  # names are numbered in the order of the files

    @property
    def in_flight(self) -> InFlightTable:
        return self.job.in_flight

    def items(self, skipped: Skipped) -> Iterator[ImageItem]:
        return self.job.sources.items(skipped)

    def set_up(self) -> None:
        job = self.job
        started = is_started(MAPPING, job.mapping)
        if not started and job.target.exists() and not is_empty(job.target):
            raise UsageError(
                f"DST must be new or empty, but {job.target} has files and there is no mapping "
                f"{job.mapping} of them; choose another DST"
            )
        if job.key:
            if started and not job.key.exists():
                raise MAPPING.refused(
                    job.mapping, f"cannot be continued: its key {job.key} is gone"
                )
            self.key = read_or_make_key(job.key)
        self.images = ImageFolder(job.target, job.encoding.container, self.key)

    def manifest(self, skipped: Skipped) -> ConvertManifest:
        encoding = self.job.encoding
        identity = ConvertIdentity(
            format=str(encoding.container),
            bits=encoding.bits,
            quality=encoding.quality if encoding.container is Container.JPEG else None,
            names="HMAC-SHA-256" if self.key else "kept",
            key_check=pseudonym(self.key, "cxr convert") if self.key else None,
            recipe_sha256=CXR_1.digest,
        )
        return ConvertManifest(
            identity=identity, counts=Counts(), skipped=skipped.counts, disks=skipped.disks
        )

    def check(self, row: Mapping[str, str]) -> None:
        pass  # its rows name no settings

    def recall(self, row: Mapping[str, str], item: ImageItem, _manifest: ConvertManifest) -> None:
        self.images.recall(row, item)

    def recalled(self, manifest: ConvertManifest) -> ConvertManifest:
        remove_half_written(self.job.target)
        return manifest

    def outcomes(self, items: Iterator[ImageItem]) -> Iterator[Sequence[ConvertOutcome]]:
        job = self.job
        call, sandbox = partial(convert, encoding=job.encoding), Sandbox(job.in_flight)
        engine = ThreadEngine(job.workers, ahead=_AHEAD * job.workers)
        for item, attempt in engine.map_ordered(
            lambda item: sandbox.attempt(item.where, call, item.storage), items
        ):
            yield [self.images.write(item, attempt)]

    def to_row(self, outcome: ConvertOutcome) -> Sequence[str]:
        return mapping_row(outcome)
