"""The folders that a command reads, and whether they are still there."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_storage import FakeStorage

from cxr_edge.errors import ReportError
from cxr_edge.pipeline.source_folders import SourceFolders


def test_a_folder_that_vanished_is_told(tmp_path: Path) -> None:
    """A disk that was taken out ends the run; files that were named as paths may come and go."""
    folder, file = tmp_path / "films", tmp_path / "film.png"
    folder.mkdir()
    file.touch()
    folders = SourceFolders.of([folder, file])
    file.unlink()
    folders.check_all()
    shutil.rmtree(folder)
    with pytest.raises(ReportError, match="films is no longer available"):
        folders.check_all()


@dataclass
class Remounted(FakeStorage):
    """The files of one path on another disk than before."""

    disk: int = 0

    def identity(self, folder: str) -> str:
        return f"{folder} on {self.disk}"


def test_another_disk_in_its_place_is_told() -> None:
    """An empty mount point is not taken for the folder that was there."""
    storage = Remounted({"mem/x.png": b""})
    folders = SourceFolders.of(["mem"], storage)
    folders.check_all()
    storage.disk = 1
    with pytest.raises(ReportError, match="mem is no longer available"):
        folders.check_all()


def test_only_suspicious_failures_cost_a_look() -> None:
    """A damaged file says nothing about the disk; one that cannot be read may."""
    storage = Remounted({"mem/x.png": b""})
    folders = SourceFolders.of(["mem"], storage)
    storage.disk = 1
    folders.check(["corrupt", "truncated", "no-pixel-data"])
    for reason in ("unreadable", "timeout"):
        with pytest.raises(ReportError):
            folders.check(["corrupt", reason])
