"""A bundle as one zip: written so that the same files give the same bytes, and checked."""

import filecmp
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from cxr_edge.errors import BundleError
from cxr_edge.models.bundle.check import check_bundle, files_of
from cxr_edge.models.bundle.layout import FACTS, INSTALLER
from cxr_edge.storage.bounded import DAMAGE, open_archive

ZIP: Final = ".zip"
"""Suffix of a bundle that is one file."""

_DATE: Final = (1980, 1, 1, 0, 0, 0)


def is_bundle(path: Path) -> bool:
    """Tell whether a path is a bundle, or was one before somebody removed a file of it."""
    if path.is_dir():
        return (path / FACTS).exists() or (path / INSTALLER).exists()
    return path.suffix == ZIP and path.is_file()


def check_any_bundle(path: Path, key: Path | None, *, unsigned: bool) -> str:
    """Check the folder or the zip of a bundle, as :func:`check_bundle` does.

    A zip is unpacked into a temporary folder. Every byte of it counts, those between the files too.

    Raises
    ------
    UsageError
        As there.
    BundleError
        As there, or the zip is damaged.
    """
    if path.is_dir():
        return check_bundle(path, key, unsigned=unsigned)
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = Path(scratch, "unpacked")
        unpacked.mkdir()
        try:
            with open_archive(path) as archive:
                archive.extractall(unpacked)
        except (ValueError, *DAMAGE) as exc:
            raise BundleError(f"{path}: expected a bundle, got a damaged zip ({exc}); "
                              "copy it again") from exc  # fmt: skip
        folders = list(unpacked.iterdir())
        if len(folders) != 1 or not folders[0].is_dir():
            raise BundleError(
                f"{path}: expected one folder in the zip, got {len(folders)} files and folders; "
                "name a zip that 'cxr bundle' wrote"
            )
        found = check_bundle(folders[0], key, unsigned=unsigned)
        again = Path(scratch, "again.zip")
        write_zip(folders[0], again)
        if not filecmp.cmp(path, again, shallow=False):
            raise BundleError(
                f"{path}: expected the zip as 'cxr bundle' writes it, got the same files in "
                "another one, or bytes between them that were changed; copy it again"
            )
        return found


def write_zip(folder: Path, target: Path) -> None:
    """Write the files of a folder into a zip, under the folder's name, in sorted order."""
    with zipfile.ZipFile(target, "w") as archive:
        for name in files_of(folder):
            member = zipfile.ZipInfo(f"{folder.name}/{name}", date_time=_DATE)
            member.external_attr = (0o100755 if name == INSTALLER else 0o100644) << 16
            with (folder / name).open("rb") as source, archive.open(member, "w") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
