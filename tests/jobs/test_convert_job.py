"""Places for a conversion."""

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from convert_jobs import convert_job
from image_folders import write_dicoms

from cxr_edge.errors import UsageError
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_run import run_convert


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_dicoms(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path) -> ConvertJob:
    return convert_job(images, tmp_path)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"source": "none"}, "does not exist"),
        ({"target": "films"}, "must not be inside each other"),
        ({"target": "films/out"}, "must not be inside each other"),
        ({"target": "."}, "must not be inside each other"),
        ({"target": "full"}, "must be new or empty"),
        ({"target": "none/out"}, "none does not exist"),
        ({"target": "full/file"}, "file is not a folder"),
        ({"mapping": "out/m.csv"}, "out does not exist; make it first"),
        ({"target": "empty", "mapping": "empty/m.csv"}, "must be outside of DST"),
        ({"target": "empty", "key": "empty/key"}, "must be outside of DST"),
        ({"mapping": "m.csv", "key": "m.csv"}, "expected another file than the mapping"),
        ({"mapping": "m.csv", "key": "m.run.json"}, "expected another file than the mapping"),
        ({"key": "none/key"}, "cannot be read or created"),
        ({"key": "full/file"}, "at least 16 secret bytes"),
    ],
)
def test_a_wrong_place_is_told_before_anything_is_done(
    job: ConvertJob, tmp_path: Path, places: dict[str, str], message: str
) -> None:
    """Nothing of the user's is overwritten; nothing lands where it counts as an image or leaks."""
    for folder in ("full", "empty"):
        (tmp_path / folder).mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    values: dict[str, Any] = {key: tmp_path / place for key, place in places.items()}
    with pytest.raises(UsageError, match=message):
        run_convert(dataclasses.replace(job, **values))
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "full" / "file").read_text() == "mine"


def test_a_new_folder_that_a_system_has_looked_at_is_empty(job: ConvertJob) -> None:
    """A NAS makes its thumbnails' folder at once, a Mac its own file."""
    (job.target / "@eaDir").mkdir(parents=True)
    (job.target / ".DS_Store").touch()
    assert run_convert(job).counts.ok
