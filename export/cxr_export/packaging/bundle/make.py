"""A bundle: everything for a machine without internet, written whole or not at all."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.errors import BundleError, UsageError
from cxr_edge.models.bundle.archive import ZIP, is_bundle, write_zip
from cxr_edge.models.bundle.check import sums_of
from cxr_edge.models.bundle.layout import SIGNATURE, SUMS
from cxr_edge.models.bundle.signature import Signer
from cxr_export.packaging.bundle.content import Content, fill
from cxr_export.packaging.bundle.own_wheel import make_own_wheel
from cxr_export.packaging.bundle.request import BundleRequest


@dataclass(frozen=True)
class Made:
    """A bundle that was made."""

    content: Content
    """Content of it."""
    size: int
    """Bytes of all its files."""
    signed_by: str
    """Fingerprint of the key, empty without one."""


def make_bundle(
    wanted: BundleRequest, out: Path, own_wheel: Callable[[Path], Path] = make_own_wheel
) -> Made:
    """Make a bundle.

    Parameters
    ----------
    wanted
        Its content.
    out
        Folder, or file if its name ends in ``.zip``; an older bundle in its place is replaced.
    own_wheel
        Writes the wheel of this toolkit into a folder, and returns its path.

    Raises
    ------
    UsageError
        ``out`` is something else than a bundle, the package has no artefact for a runtime, or the
        key cannot be used.
    ModelError
        The package is not as its checksum list says.
    BundleError
        There are no wheels for the platform, or they cannot be downloaded; it cannot be written.
    """
    if out.exists() and not is_bundle(out):
        raise UsageError(
            f"--out: expected a new name or an older bundle, got {out}; choose another"
        )
    signer = Signer.read(wanted.key) if wanted.key else None
    with _scratch(out) as scratch:
        bundle = scratch / (out.stem if out.suffix == ZIP else out.name)
        bundle.mkdir()
        content = fill(bundle, wanted, own_wheel)
        sums = sums_of(bundle)
        (bundle / SUMS).write_bytes(sums)
        if signer:
            (bundle / SIGNATURE).write_bytes(signer.sign(sums))
        size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
        finished = bundle
        if out.suffix == ZIP:
            finished = scratch / "finished.zip"
            write_zip(bundle, finished)
        _put_in_place(finished, out, scratch / "replaced")
    return Made(content, size, signer.fingerprint if signer else "")


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """Give a folder beside ``out`` that is removed afterwards; errors of the disk are named."""
    try:
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".half-") as folder:
            yield Path(folder)
    except OSError as exc:
        raise BundleError(
            f"--out: {out} cannot be written ({exc.strerror or exc}); make room, or choose "
            "another place"
        ) from exc


def _put_in_place(finished: Path, out: Path, aside: Path) -> None:
    """Rename the new bundle to its place, and the old one back if that fails."""
    if out.exists():
        out.rename(aside)
    try:
        finished.rename(out)
    except OSError:
        if aside.exists():
            aside.rename(out)
        raise
