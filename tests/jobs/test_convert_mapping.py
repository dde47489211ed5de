"""The mapping: names of images, and when it can be continued."""

import dataclasses
import hmac
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from convert_jobs import KEY, convert_job
from image_folders import write_dicoms
from runs import rows

from cxr_edge.errors import ReportError
from cxr_edge.imaging.encode import Encoding
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_run import run_convert
from cxr_edge.reports.manifest import manifest_path


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_dicoms(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path) -> ConvertJob:
    return convert_job(images, tmp_path)


def converted(mapping: Path) -> list[dict[str, str]]:
    return [row for row in rows(mapping) if row["status"] == "ok"]


def decoded_images(job: ConvertJob) -> dict[str, bytes]:
    """Return all that is in DST."""
    found = [path for path in job.target.rglob("*") if path.is_file()]
    return {path.relative_to(job.target).as_posix(): path.read_bytes() for path in found}


def left(job: ConvertJob) -> dict[str, bytes]:
    """Return all that a conversion leaves, but for the manifest with its times."""
    return {**decoded_images(job), "mapping": job.mapping.read_bytes()}


def name(identity: str) -> str:
    return hmac.new(KEY, identity.encode(), "sha256").hexdigest()[:32]


def test_names_are_keyed_digests_and_copies_keep_apart(job: ConvertJob) -> None:
    """HMAC-SHA-256 of the UID, or of the file's digest; one image a file, also under one UID."""
    run_convert(job)
    targets = {row["source"]: row["target"] for row in rows(job.mapping)}
    digests = {row["source"]: row["sha256"] for row in rows(job.mapping)}
    uid = "2.25.20210430."
    assert targets["0.png"] == f"{name(digests['0.png'])}.png"
    assert targets["b/2.dcm"] == f"{name(uid + '2')}.png"
    assert [targets[f"b/{stem}.dcm"] for stem in ("0", "1", "copy")] == [
        f"{name(uid + '7')}{copy}.png" for copy in ("", "-2", "-3")
    ]
    decoded_images = [
        (job.target / targets[f"b/{stem}.dcm"]).read_bytes() for stem in ("0", "1", "copy")
    ]
    assert decoded_images[0] == decoded_images[2] != decoded_images[1]


def test_names_are_kept_where_that_is_asked_for(job: ConvertJob, images: Path) -> None:
    """Folders and names stay; a number that is part of a UID is no suffix; none overwrites one."""
    shutil.copy(images / "0.png", images / "0.dcm")
    shutil.copy(images / "0.png", images / "1.2.840.7")
    long, odd = "x" * 251 + ".png", os.fsdecode(b"caf\xe9\n.png")
    shutil.copy(images / "0.png", images / long)
    shutil.copy(images / "0.png", images / odd)
    kept = dataclasses.replace(job, key=None)
    run_convert(kept)
    there = {path.relative_to(job.target).as_posix() for path in job.target.rglob("*.*")}
    assert there == {
        "0.png", "0-2.png", "1.png", "1.2.840.7.png", odd, "x" * 230 + ".png",
        "b/0.png", "b/1.png", "b/2.png", "b/3.png", "b/copy.png",
    }  # fmt: skip
    targets = {row["source"]: row["target"] for row in rows(kept.mapping)}
    assert (targets["0.dcm"], targets["0.png"]) == ("0.png", "0-2.png")
    assert run_convert(kept).continued_from == 13


def test_a_kept_name_may_be_a_folders_too(job: ConvertJob, images: Path) -> None:
    """A file's new name and a folder's are kept apart, whichever comes first, and continued so."""
    for file, folder in (("c.jpg", "c.png"), ("e.tif", "E.png/e.png"), ("g.png", "g-2.png")):
        (images / folder).mkdir(parents=True)
        shutil.copy(images / "0.png", images / folder / "film.png")
        shutil.copy(images / "0.png", images / file)
    shutil.copy(images / "0.png", images / "e.png")
    kept = dataclasses.replace(job, key=None)
    run_convert(kept)
    whole = left(kept)
    targets = [row["target"] for row in converted(kept.mapping)]
    assert len(targets) == len(set(targets)) == 14
    assert all((kept.target / target).is_file() for target in targets)
    kept.mapping.write_bytes(whole["mapping"][:-100])
    run_convert(kept)
    assert left(kept) == whole


def other_bits(job: ConvertJob) -> ConvertJob:
    return dataclasses.replace(job, encoding=Encoding(bits=16))


def other_key(job: ConvertJob) -> ConvertJob:
    assert job.key
    job.key.write_bytes(KEY[::-1])
    return job


def no_key(job: ConvertJob) -> ConvertJob:
    assert job.key
    job.key.unlink()
    return job


def image_gone(job: ConvertJob) -> ConvertJob:
    next(job.target.iterdir()).unlink()
    return job


def source_gone(job: ConvertJob) -> ConvertJob:
    (job.source / "0.png").unlink()
    return job


def no_manifest(job: ConvertJob) -> ConvertJob:
    manifest_path(job.mapping).unlink()
    return job


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_bits, r"other settings \(bits 8, now 16\)"),
        (other_key, r"other settings \(key check .*, now"),
        (no_key, "its key .* is gone"),
        (image_gone, "lacks .*png"),
        (source_gone, "not those of its rows: the one of row 1 is gone; choose another"),
        (no_manifest, "m?apping.run.json is missing, so .*mapping.csv cannot be resumed"),
    ],
)
def test_what_cannot_be_continued_is_left_alone(
    job: ConvertJob, change: Callable[[ConvertJob], ConvertJob], message: str
) -> None:
    """Other options, another key or other files than before are told, and nothing is written."""
    run_convert(job)
    job = change(job)
    before = left(job)
    with pytest.raises(ReportError, match=f"{message}.*remove the mapping and the images"):
        run_convert(job)
    assert left(job) == before
    assert (job.key and job.key.exists()) == (change is not no_key)
