"""One conversion: every file, the same pixels, and the same bytes after any interruption."""

import dataclasses
import errno
import fcntl
import hashlib
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

import numpy as np
import pytest
from convert_jobs import convert_job
from fakes import SAMPLES
from image_folders import write_dicoms
from runs import FakeSink, rows

from cxr_edge.errors import ExitCode, ImageError, ReportError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.encode import Container, Encoding
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_run import run_convert
from cxr_edge.pipeline.discover import discover
from cxr_edge.reports.manifest import Manifest, manifest_path
from cxr_edge.storage.atomic import TEMP_PREFIX
from cxr_edge.storage.lock import lock_path

pytestmark = pytest.mark.slow

ENCODINGS = [
    Encoding(),
    Encoding(bits=16),
    Encoding(Container.TIFF),
    Encoding(Container.TIFF, 16),
]


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


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.described)
def test_a_scan_says_the_same_of_the_image(
    cxr: Callable[..., Any], tmp_path: Path, encoding: Encoding
) -> None:
    """The embedded model gives each sample and its conversion one probability.

    A JPEG is decoded at reduced size, and its conversion is not.
    """
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
        there, here = before[row["source"]], after[row["target"]]
        if row["source"].endswith(".jpg"):
            assert float(here) == pytest.approx(float(there), abs=0.01)
        else:
            assert here == there != ""


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.described)
def test_real_dicom_is_converted_without_loss(
    real_data: Path, tmp_path: Path, encoding: Encoding
) -> None:
    """A scan reads the same pixels from a DICOM file and from its converted image."""
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
    assert manifest.skipped == {"other": 1}
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


def test_a_path_that_gets_too_long_is_told(
    job: ConvertJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room on the disk would not help."""

    def long(*_: object) -> int:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))

    monkeypatch.setattr(Path, "write_bytes", long)
    with pytest.raises(ReportError, match="too long; choose a DST with a shorter path and run"):
        run_convert(job)


def test_interrupted_it_can_be_continued(job: ConvertJob) -> None:
    """The manifest says so, and the next run finishes."""

    def interrupt(_outcomes: Sequence[object]) -> None:
        raise KeyboardInterrupt

    sink = FakeSink(write=interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_convert(job, [sink])
    assert sink.calls == ["begin at 0", "write 1", "close with 130"]
    assert json.loads(manifest_path(job.mapping).read_text())["exit_code"] == 130
    assert run_convert(job).continued_from == 1


def test_one_conversion_at_a_time(job: ConvertJob) -> None:
    """A second one into the same mapping is refused, told which process has it, and harms none."""

    def second(_manifest: Manifest) -> None:
        message = f"written by another conversion \\(process {os.getpid()}\\).*--mapping"
        with pytest.raises(ReportError, match=message):
            run_convert(job)

    sink = FakeSink(begin=second)
    assert run_convert(job, [sink]).counts.ok == 7
    assert sink.calls[0] == "begin at 0"
    assert json.loads(manifest_path(job.mapping).read_text())["pid"] is None
    assert not lock_path(job.mapping).exists()


def test_a_source_that_goes_stops_the_conversion(job: ConvertJob, tmp_path: Path) -> None:
    """Its files do not become failed rows, and once it is back the mapping is finished."""
    run_convert(job)
    whole = left(job)
    mapping = job.mapping.read_bytes()
    kept = mapping.index(b"\n", mapping.index(b"\n") + 1) + 1
    job.mapping.write_bytes(mapping[:kept])

    unplugs = FakeSink(begin=lambda _manifest: job.source.rename(tmp_path / "away"))
    with pytest.raises(ReportError, match="is no longer available"):
        run_convert(job, [unplugs])
    assert unplugs.calls[0] == "begin at 1"
    assert job.mapping.read_bytes() == mapping[:kept]
    (tmp_path / "away").rename(job.source)
    run_convert(job)
    assert left(job) == whole
