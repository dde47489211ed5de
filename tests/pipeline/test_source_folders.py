"""Folders that must stay while they are read."""

from pathlib import Path

import pytest

from cxr_edge.errors import ReportError
from cxr_edge.pipeline.source_folders import SourceFolders


def test_an_unmounted_folder_is_another_one(tmp_path: Path) -> None:
    """A mount point stays when the disk goes, but it is not the same folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    folders = SourceFolders.of([folder, tmp_path / "film.png"])
    folders.check_all()
    folder.rename(tmp_path / "kept")
    folder.mkdir()
    with pytest.raises(ReportError, match="disk is no longer available"):
        folders.check_all()
