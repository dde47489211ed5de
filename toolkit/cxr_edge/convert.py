"""Folders of films to image files without identifiers: begun, continued or found complete."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from cxr_edge.discover import ImageItem, PassedOver, discover
from cxr_edge.encode import Container, Encoding
from cxr_edge.errors import CxrError, ExitCode, UsageError
from cxr_edge.files import HALF
from cxr_edge.folders import Folders
from cxr_edge.formats import Format
from cxr_edge.guarded import Guard
from cxr_edge.images import decode, decode_deep
from cxr_edge.journal import Journal, catch_up, check_place, is_begun
from cxr_edge.lock import alone_at
from cxr_edge.machine import usable_cpus
from cxr_edge.manifest import differences, manifest_path, read_manifest
from cxr_edge.mapping import CONVERT_VERSION, MAPPING, Converted, ConvertManifest, Images
from cxr_edge.progress import Counted, Unobserved
from cxr_edge.pseudonym import pseudonym, read_or_make_key
from cxr_edge.recipe import CXR_1
from cxr_edge.scan import in_order
from cxr_edge.watch import Watch

_AHEAD: Final = 2
"""Images a worker that may wait for an earlier one; they are in memory."""


class Watcher(Protocol):
    """Is told of a conversion, by the thread that writes."""

    def begun(self, manifest: Counted) -> None:
        """Take the manifest as it stands before the first file; its counts go on counting."""

    def written(self, outcomes: Sequence[object]) -> None:
        """Take rows that are in the mapping now."""


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
    watch: Watch = field(default_factory=Watch)
    """That is told what is at work."""

    def items(self, passed_over: PassedOver | None = None) -> Iterator[ImageItem]:
        """Yield the files to convert; as :func:`cxr_edge.discover.discover`, but for our own."""
        own = {os.path.abspath(path) for path in self._own}  # noqa: PTH100  (links stay)
        return (item for item in discover([self.source], passed_over) if item.where not in own)

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
                f"expected SRC and DST apart from each other, came {source} and {target}"
            )
        for path in self._own:
            if target in path.resolve().parents:
                raise UsageError(
                    f"expected {path.name} outside of DST, so that DST can be handed on without it"
                )


def convert(data: bytes, encoding: Encoding) -> Converted:
    """Decode a file as a scan does, and encode what a scan sees.

    Raises
    ------
    ImageError
        As :func:`cxr_edge.images.decode` and :meth:`Encoding.encode`.
    """
    if encoding.bits == 16:
        image, deep = decode_deep(data)
        encoded = encoding.encode(deep)
    else:
        image = decode(data)
        encoded = encoding.encode(image.pixels)
    uid = ""
    if image.source.format == Format.DICOM:
        from cxr_edge.dicom import instance_uid  # pydicom is loaded for DICOM alone

        uid = instance_uid(data)
    return Converted(encoded, uid, image.source)


_UNOBSERVED: Final = Unobserved()


def run_convert(job: ConvertJob, watcher: Watcher = _UNOBSERVED) -> ConvertManifest:
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
    with alone_at(MAPPING, job.mapping):
        return _continue(job, watcher)


def _continue(job: ConvertJob, watcher: Watcher) -> ConvertManifest:
    """Find out how much is there, and convert the rest."""
    folders = Folders.of([job.source])
    begun = is_begun(MAPPING, job.mapping)
    if not begun and job.target.exists() and any(job.target.iterdir()):
        raise UsageError(
            f"expected a new or empty folder as DST, {job.target} has files, "
            f"and {job.mapping} does not tell of them"
        )
    if begun and job.key and not job.key.exists():
        raise MAPPING.refused(job.mapping, f"cannot be continued: its key {job.key} is gone")
    passed_over = PassedOver()
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
    _run(job, items, folders, images, manifest, watcher, kept)
    return manifest


def _tidy(target: Path) -> None:
    """Remove what a run that was killed left half-written; no image has a hidden name."""
    for path in target.rglob(f"{HALF}*"):
        path.unlink(missing_ok=True)


def _run(
    job: ConvertJob,
    items: Iterator[ImageItem],
    folders: Folders,
    images: Images,
    manifest: ConvertManifest,
    watcher: Watcher,
    kept: int,
) -> None:
    manifest.write(manifest_path(job.mapping))
    journal = Journal.open(MAPPING, job.mapping, kept)
    exit_code = ExitCode.ERROR
    call, guard = partial(convert, encoding=job.encoding), Guard(job.watch)
    try:
        watcher.begun(manifest)
        job.watch.rows = manifest.counts.rows
        for item, done in in_order(
            lambda item: guard.attempt(item.file, call),
            items,
            ahead=_AHEAD * job.workers,
            workers=job.workers,
        ):
            row = images.write(item, done)
            values = MAPPING.named(row)
            folders.check([values["reason"]])
            journal.append([row])
            manifest.counts.add(values)
            job.watch.rows = manifest.counts.rows
            watcher.written([row])
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
            journal.close()
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
