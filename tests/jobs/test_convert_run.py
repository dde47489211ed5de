"""Images to image files: what a scan sees in them, what they are called, and that none is lost."""

import csv
import dataclasses
import errno
import fcntl
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import SAMPLES

from cxr_edge.errors import ExitCode, ImageError, ReportError, UsageError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.encode import Container, Encoding
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_run import run_convert
from cxr_edge.jobs.pseudonyms import read_or_make_key
from cxr_edge.pipeline.discover import discover
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.observer import Counted, Unobserved
from cxr_edge.storage.atomic import TEMP_PREFIX
from cxr_edge.storage.lock import lock_path

ENCODINGS = [
    Encoding(),
    Encoding(bits=16),
    Encoding(Container.TIFF),
    Encoding(Container.TIFF, 16),
]
KEY = bytes(range(32))


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    """A folder of seven images: three have one UID and two the same bytes; two are none."""
    folder = tmp_path / "films"
    (folder / "b").mkdir(parents=True)
    for number in range(4):
        image = phantoms.phantom(number, opacities=number % 3, size=48)
        if number < 2:
            cv2.imwrite(str(folder / f"{number}.png"), image >> 4)
        dicom = phantoms.dicom(image, "MONOCHROME1", 7 if number < 2 else number)
        dicom.save_as(folder / "b" / f"{number}.dcm", enforce_file_format=True)
    shutil.copy(folder / "b" / "0.dcm", folder / "b" / "copy.dcm")
    (folder / "b" / "bad.png").write_text("no image")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def job(images: Path, tmp_path: Path) -> ConvertJob:
    (tmp_path / "key").write_bytes(KEY)
    return ConvertJob(images, tmp_path / "out", tmp_path / "out.mapping.csv", tmp_path / "key")


def rows(mapping: Path) -> list[dict[str, str]]:
    with mapping.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.described)
def test_a_scan_says_the_same_of_the_image(
    cxr: Callable[..., Any], tmp_path: Path, encoding: Encoding
) -> None:
    """The embedded model gives each sample and its conversion one probability."""
    job = ConvertJob(SAMPLES, tmp_path / "out", tmp_path / "m.csv", tmp_path / "key", encoding)
    run_convert(job)
    probabilities = []
    for folder in (SAMPLES, job.target):
        report = tmp_path / f"{folder.name}.csv"
        cxr("scan", folder, "-o", report, "--runtime", "onnx", "--quiet", "--no-self-test")
        probabilities.append({row["path"]: row["probability"] for row in rows(report)})
    before, after = probabilities
    assert len(after) == 7
    assert sum("dcm" in row["source"] for row in converted(job.mapping)) == 2
    for row in converted(job.mapping):
        assert after[row["target"]] == before[row["source"]] != ""


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.described)
def test_real_dicom_is_converted_without_loss(
    real_data: Path, tmp_path: Path, encoding: Encoding
) -> None:
    """Of every DICOM file that a scan can read, it reads the same pixels from the image."""
    source = real_data / "dicom"
    job = ConvertJob(source, tmp_path / "out", tmp_path / "m.csv", tmp_path / "key", encoding)
    run_convert(job)
    assert converted(job.mapping)
    for row in rows(job.mapping):
        data = (source / row["source"]).read_bytes()
        try:
            pixels, reason = decode(data).pixels, ""
        except ImageError as error:
            pixels, reason = None, error.reason
        assert row["reason"] == reason
        if pixels is not None:
            decoded = decode((job.target / row["target"]).read_bytes())
            np.testing.assert_array_equal(decoded.pixels, pixels)


def test_every_file_that_a_scan_takes_has_one_row(job: ConvertJob, images: Path) -> None:
    """In the order of a scan; with what was found, and with a reason where it failed."""
    manifest = run_convert(job)
    found = rows(job.mapping)
    assert [row["source"] for row in found] == [item.path for item in discover([images])]
    assert manifest.exit_code == ExitCode.SOME_FAILED
    assert (manifest.counts.ok, manifest.counts.failed) == (7, 2)
    assert manifest.passed_over.counts == {"other": 1}
    assert {row["reason"] for row in found} == {"", "not-an-image", "empty-file"}
    for row in found:
        assert row["sha256"] == hashlib.sha256((images / row["source"]).read_bytes()).hexdigest()
        if row["status"] == "ok":
            assert (row["width"], row["height"]) == ("48", "48")
        else:
            assert not row["target"]
    assert {path.name for path in job.target.iterdir()} == {
        row["target"] for row in converted(job.mapping)
    }


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


def test_a_key_is_made_and_kept(job: ConvertJob, tmp_path: Path) -> None:
    """Random, of 32 bytes, for its owner alone; with it the names come again, with none other."""
    made = dataclasses.replace(job, key=tmp_path / "made")
    run_convert(made)
    assert (tmp_path / "made").stat().st_size == 32
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
    names = []
    for number, key in enumerate((tmp_path / "made", job.key)):
        again = dataclasses.replace(
            job, target=tmp_path / f"{number}", mapping=tmp_path / f"{number}.csv", key=key
        )
        run_convert(again)
        names.append({row["target"] for row in converted(again.mapping)})
    assert names[0] == {row["target"] for row in converted(made.mapping)}
    assert not names[0] & names[1]


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


def test_a_key_is_made_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems, as of USB sticks, have none; an existing key stays there too."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    key = read_or_make_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == key
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    assert read_or_make_key(tmp_path / "key") == key


def test_a_key_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that another process made meanwhile is the key; nothing stays beside it."""
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "half-key").write_text("somebody's")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda _path: False)
        assert read_or_make_key(tmp_path / "key") == KEY
    assert {path.name for path in tmp_path.iterdir()} == {"key", "half-key"}


@pytest.mark.parametrize("keyed", [True, False])
def test_cut_anywhere_it_is_finished_byte_for_byte(job: ConvertJob, keyed: bool) -> None:
    """Killed at any byte of the mapping and started again, mapping and images are the same."""
    job = job if keyed else dataclasses.replace(job, key=None)
    run_convert(job)
    whole = left(job)
    mapping = job.mapping.read_bytes()
    for cut in range(0, len(mapping) + 1, 61):
        job.mapping.write_bytes(mapping[:cut])
        if b"\n" not in mapping[:cut]:  # the header stands before there is any image
            shutil.rmtree(job.target)
        run_convert(job)
        assert left(job) == whole, f"cut at byte {cut}"


def wait_for_its_child(mapping: Path) -> None:
    """Wait until the process that converts has followed the one that was killed."""
    with lock_path(mapping).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_killed_it_is_finished_byte_for_byte(job: ConvertJob, images: Path, tmp_path: Path) -> None:
    """After SIGKILL in the middle of a conversion the same command finishes it."""
    for number in range(200):
        shutil.copy(images / "b" / "0.dcm", images / f"more-{number}.dcm")
    run_convert(job)
    other = dataclasses.replace(job, target=tmp_path / "other", mapping=tmp_path / "other.csv")
    command = [sys.executable, "-m", "cxr_edge", "convert", images, other.target, "--quiet"]
    command += ["--key", job.key, "--mapping", other.mapping]
    for kept in (300, 10_000):
        process = subprocess.Popen([str(word) for word in command])
        while process.poll() is None and (
            not other.mapping.exists() or other.mapping.stat().st_size < kept
        ):
            time.sleep(0.001)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        wait_for_its_child(other.mapping)
        whole, halfway = decoded_images(job), decoded_images(other)
        assert 0 < len(halfway) < len(whole)
        assert all(whole[name] == data for name, data in halfway.items() if TEMP_PREFIX not in name)
    (other.target / f"{TEMP_PREFIX}1.png").write_text("left by a kill in the middle of an image")
    assert run_convert(other).continued_from > 0
    assert decoded_images(other) == decoded_images(job)
    assert other.mapping.read_bytes() == job.mapping.read_bytes()


def test_a_full_disk_is_told_and_continued(
    job: ConvertJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row of an image that was not written is not there, and the next run finishes."""
    run_convert(job)
    whole = left(job)
    shutil.rmtree(job.target)
    job.mapping.unlink()
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if len(list(path.parent.iterdir())) == 4:  # three, and what is written now
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(ReportError, match="No space left on device; make room and run the s"):
            run_convert(job)
    assert json.loads(manifest_path(job.mapping).read_text())["exit_code"] == 1
    assert len(converted(job.mapping)) == len(list(job.target.iterdir())) == 3
    run_convert(job)
    assert left(job) == whole


def test_interrupted_it_can_be_continued(job: ConvertJob) -> None:
    """The manifest says so, and the next run finishes."""

    class Interrupt:
        def begun(self, manifest: Counted) -> None:
            assert manifest.counts.rows == 0

        def written(self, outcomes: Sequence[object]) -> None:
            assert len(outcomes) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_convert(job, Interrupt())
    assert json.loads(manifest_path(job.mapping).read_text())["exit_code"] == 130
    assert run_convert(job).continued_from == 1


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
    assert "could not be looked into: images may be missing" in done.stdout
    manifest = manifest_path(job.mapping).read_text()
    assert json.loads(manifest)["passed_over"] == {"unlisted": 1, "other": 1}
    assert "ward" not in done.output + manifest


def test_one_conversion_at_a_time(job: ConvertJob) -> None:
    """A second one into the same mapping is refused, told which process has it, and harms none."""

    class Second(Unobserved):
        def begun(self, manifest: Counted) -> None:
            assert manifest.counts.rows == 0
            message = f"written by another conversion \\(process {os.getpid()}\\).*--mapping"
            with pytest.raises(ReportError, match=message):
                run_convert(job)

    assert run_convert(job, Second()).counts.ok == 7
    assert json.loads(manifest_path(job.mapping).read_text())["pid"] is None
    assert not lock_path(job.mapping).exists()


def test_a_source_that_goes_stops_the_conversion(job: ConvertJob, tmp_path: Path) -> None:
    """Its files do not become failed rows, and once it is back the mapping is finished."""
    run_convert(job)
    whole = left(job)
    mapping = job.mapping.read_bytes()
    kept = mapping.index(b"\n", mapping.index(b"\n") + 1) + 1
    job.mapping.write_bytes(mapping[:kept])

    class Unplugs(Unobserved):
        def begun(self, manifest: Counted) -> None:
            assert manifest.counts.rows == 1
            job.source.rename(tmp_path / "away")

    with pytest.raises(ReportError, match="is no longer available"):
        run_convert(job, Unplugs())
    assert job.mapping.read_bytes() == mapping[:kept]
    (tmp_path / "away").rename(job.source)
    run_convert(job)
    assert left(job) == whole


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
        (other_bits, "bits was 8, now 16"),
        (other_key, "key check was .*, now"),
        (no_key, "its key .* is gone"),
        (image_gone, "lacks .*png"),
        (source_gone, "its row 1 is not of the file that is there now"),
        (no_manifest, "cannot be understood"),
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


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"source": "none"}, "does not exist"),
        ({"target": "films"}, "apart from each other"),
        ({"target": "films/out"}, "apart from each other"),
        ({"target": "."}, "apart from each other"),
        ({"target": "full"}, "new or empty"),
        ({"target": "none/out"}, "none is none"),
        ({"target": "full/file"}, "file is none"),
        ({"mapping": "out/m.csv"}, "expected an existing folder"),
        ({"target": "empty", "mapping": "empty/m.csv"}, "outside of DST"),
        ({"target": "empty", "key": "empty/key"}, "outside of DST"),
        ({"key": "none/key"}, "cannot be read or made"),
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "gif"], "expected png, tiff, jpeg, got gif"),
        (["--bits", "12"], "expected 8 or 16, got 12"),
        (["--format", "jpeg", "--bits", "16"], "JPEG has 8 bits"),
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
    """Counts, places, and exit code 3 where files failed; with --quiet nothing."""
    words = ("convert", job.source, job.target, "--format", "jpeg", "--quality", "80")
    done = cxr(*words)
    assert done.exit_code == ExitCode.SOME_FAILED
    assert f"converted          7  JPEG of quality 80, in {job.target}" in done.stdout
    assert "failed             2  1 empty-file, 1 not-an-image" in done.stdout
    assert f"keyed by {job.mapping.with_suffix('.key')}; mapping {job.mapping}" in done.stdout
    assert all(path.suffix == ".jpg" for path in job.target.iterdir())
    assert cxr(*words, "--quiet").output == ""
