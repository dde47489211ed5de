"""Facts about the files of an archive are those of a folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import SAMPLES

from cxr_edge.doctor.folder import examine_folder
from cxr_edge.storage.archive import close_archives


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_archives()


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_headers_are_read_from_an_archive(kind: str, tmp_path: Path) -> None:
    """Formats, sizes, depths and troubles, of DICOM too."""
    archive = shutil.make_archive(str(tmp_path / "films"), kind, SAMPLES)
    assert examine_folder([archive]).as_dict() == examine_folder([SAMPLES]).as_dict()
