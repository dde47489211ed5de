"""``cxr convert``: options, exit codes, and what it prints."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from convert_jobs import convert_job
from image_folders import write_dicoms

from cxr_edge.errors import ExitCode
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.reports.manifest import manifest_path


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_dicoms(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path) -> ConvertJob:
    return convert_job(images, tmp_path)


def test_what_cannot_be_looked_into_is_no_success(
    cxr: Callable[..., Any], job: ConvertJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3 says that images may be missing, and nothing tells the name of the folder."""
    (job.source / "b" / "bad.png").unlink()
    (job.source / "empty.jpg").unlink()
    (job.source / "ward").mkdir()
    real = os.scandir

    def refuse(where: bytes) -> object:
        if where.endswith(b"/ward/"):
            raise PermissionError
        return real(where)

    monkeypatch.setattr("os.scandir", refuse)
    done = cxr("convert", job.source, job.target)
    assert done.exit_code == ExitCode.SOME_FAILED
    assert "images may be missing: folders that could not be read (1)" in done.stdout
    manifest = manifest_path(job.mapping).read_text()
    assert json.loads(manifest)["skipped"] == {"unlisted": 1, "other": 1}
    assert "ward" not in done.output + manifest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "gif"], "'gif' is not one of 'png', 'tiff', 'jpeg'"),
        (["--bits", "12"], "expected 8 or 16, got 12"),
        (["--format", "jpeg", "--bits", "16"], "JPEG has only 8 bits"),
        (["--keep-names", "--key", "k"], "exclude each other"),
    ],
)
def test_options_that_cannot_work_are_told(
    cxr: Callable[..., Any], job: ConvertJob, words: list[str], message: str
) -> None:
    """With exit code 2, and nothing is written."""
    done = cxr("convert", job.source, job.target, *words)
    assert done.exit_code == ExitCode.USAGE
    assert message in done.stderr
    assert not job.target.exists()


def test_the_command_says_what_it_did(cxr: Callable[..., Any], job: ConvertJob) -> None:
    """Counts, places, and exit code 3 where files failed; with --quiet nothing.

    The format jpg is jpeg, so that the conversion continues.
    """
    words = ("convert", job.source, job.target, "--format", "jpeg", "--quality", "80")
    done = cxr(*words)
    assert done.exit_code == ExitCode.SOME_FAILED
    assert f"converted 7: JPEG of quality 80, in {job.target}" in done.stdout
    assert "failed 2: 1 empty-file, 1 not-an-image" in done.stdout
    assert f"the key {job.mapping.with_suffix('.key')}\nmapping: {job.mapping}" in done.stdout
    assert all(path.suffix == ".jpg" for path in job.target.iterdir())
    assert cxr(*words, "--quiet", "--format", "jpg").output == ""
