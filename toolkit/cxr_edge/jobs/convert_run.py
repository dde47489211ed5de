"""One conversion into one folder: started, continued or found complete."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from cxr_edge.errors import CxrError, ExitCode, UsageError
from cxr_edge.imaging.decode import decode, decode_deep
from cxr_edge.imaging.encode import Container, Encoding
from cxr_edge.imaging.sniff import Format
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_mapping import (
    CONVERT_VERSION,
    MAPPING,
    Converted,
    ConvertManifest,
    Images,
)
from cxr_edge.jobs.pseudonyms import pseudonym, read_or_make_key
from cxr_edge.pipeline.discover import ImageItem, Skipped
from cxr_edge.pipeline.source_folders import SourceFolders
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.reports.append_log import AppendLog, catch_up, is_begun
from cxr_edge.reports.manifest import manifest_path, read_manifest
from cxr_edge.reports.observer import Counted, Unobserved
from cxr_edge.reports.run_identity import differences
from cxr_edge.spec.recipe import CXR_1
from cxr_edge.storage.atomic import TEMP_PREFIX

_AHEAD: Final = 2
"""Images a worker that may wait for an earlier one; they are in memory."""


class Listener(Protocol):
    """Is told of a conversion, by the thread that writes."""

    def begun(self, manifest: Counted) -> None:
        """Take the manifest as it stands before the first file; its counts go on counting."""

    def written(self, outcomes: Sequence[object]) -> None:
        """Take rows that are in the mapping now."""


def convert(data: bytes, encoding: Encoding) -> Converted:
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
    return Converted(encoded, uid, image.source)


_UNOBSERVED: Final = Unobserved()


def run_convert(job: ConvertJob, listener: Listener = _UNOBSERVED) -> ConvertManifest:
    """Convert a folder, continuing what an earlier run began.

    A file's image is whole and on the disk before its row is written, so that a run that is killed
    at any time and started again leaves the same bytes as an undisturbed one.

    Returns
    -------
    ConvertManifest
        As it stands beside the mapping; its exit code is the command's.

    Raises
    ------
    UsageError
        A place or the key is wrong; nothing was done.
    ReportError
        Images or mapping cannot be written or continued.
    """
    job.check()
    with MAPPING.alone_at(job.mapping):
        return _continue(job, listener)


def _continue(job: ConvertJob, listener: Listener) -> ConvertManifest:
    """Find out how much is there, and convert the rest."""
    folders = SourceFolders.of([job.source])
    begun = is_begun(MAPPING, job.mapping)
    if not begun and job.target.exists() and any(job.target.iterdir()):
        raise UsageError(
            f"expected a new or empty folder as DST, {job.target} has files, "
            f"and {job.mapping} does not tell of them"
        )
    if begun and job.key and not job.key.exists():
        raise MAPPING.refused(job.mapping, f"cannot be continued: its key {job.key} is gone")
    passed_over = Skipped()
    items = job.items(passed_over)
    key = read_or_make_key(job.key) if job.key else None
    manifest = ConvertManifest(_identity(job, key), passed_over)
    if begun:
        _check_identity(job, manifest.identity)
    images = Images(job.target, job.encoding.container, key)
    kept = 0
    if begun:

        def take(row: Mapping[str, str], item: ImageItem) -> None:
            images.recall(row, item)
            manifest.counts.add(row)

        kept = catch_up(MAPPING, job.mapping, items, take)
        manifest.continued_from = manifest.counts.rows
        _tidy(job.target)
    _run(job, items, folders, images, manifest, listener, kept)
    return manifest


def _tidy(target: Path) -> None:
    """Remove what a run that was killed left half-written; no image has a hidden name."""
    for path in target.rglob(f"{TEMP_PREFIX}*"):
        path.unlink(missing_ok=True)


def _run(
    job: ConvertJob,
    items: Iterator[ImageItem],
    folders: SourceFolders,
    images: Images,
    manifest: ConvertManifest,
    listener: Listener,
    kept: int,
) -> None:
    manifest.write(manifest_path(job.mapping))
    log = AppendLog.open(MAPPING, job.mapping, kept)
    exit_code = ExitCode.ERROR
    call, sandbox = partial(convert, encoding=job.encoding), Sandbox(job.in_flight)
    try:
        listener.begun(manifest)
        job.in_flight.rows = manifest.counts.rows
        engine = ThreadEngine(job.workers, ahead=_AHEAD * job.workers)
        for item, done in engine.map_ordered(lambda item: sandbox.attempt(item.file, call), items):
            row = images.write(item, done)
            values = MAPPING.named(row)
            folders.check([values["reason"]])
            log.append([row])
            manifest.counts.add(values)
            job.in_flight.rows = manifest.counts.rows
            listener.written([row])
        folders.check_all()
        incomplete = manifest.counts.failed or manifest.passed_over.first_lost
        exit_code = ExitCode.SOME_FAILED if incomplete else ExitCode.DONE
    except KeyboardInterrupt:
        exit_code = ExitCode.INTERRUPTED
        raise
    except CxrError as exc:
        exit_code = exc.exit_code
        raise
    finally:
        try:
            log.close()
        finally:
            manifest.end(exit_code)
            manifest.write(manifest_path(job.mapping))


def _identity(job: ConvertJob, key: bytes | None) -> dict[str, object]:
    encoding = job.encoding
    return {
        "format": str(encoding.container),
        "bits": encoding.bits,
        "quality": encoding.quality if encoding.container is Container.JPEG else None,
        "names": "kept" if job.key is None else "HMAC-SHA-256",
        # Tells another key, and nothing of this one.
        "key_check": pseudonym(key, "cxr convert") if key else None,
        "recipe_sha256": CXR_1.digest,
    }


def _check_identity(job: ConvertJob, now: Mapping[str, object]) -> None:
    def identity(data: Mapping[str, Any]) -> dict[str, object]:
        return dict(data["identity"])

    before = read_manifest(job.mapping, CONVERT_VERSION, identity, MAPPING.advice)
    if changed := differences(before, now):
        why = f"was begun otherwise and cannot be continued: {changed}"
        raise MAPPING.refused(job.mapping, why)
