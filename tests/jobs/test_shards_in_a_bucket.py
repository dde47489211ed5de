"""Shards in a bucket of a server on loopback."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from buckets import Server, serving
from image_folders import write_mixed
from runs import FakeSink, session_of

from cxr_edge.errors import CxrError, ReportError, UsageError
from cxr_edge.jobs.merge import MergeJob, merge
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.jobs.shard_run import run_shards
from cxr_edge.jobs.shard_stream import Shards
from cxr_edge.models.model import Model
from cxr_edge.storage.output_folder import OutputFolder
from cxr_edge.storage.output_place import output_at

PLACE = "s3://reports/day/shards"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def bucket(server: Server) -> Iterator[Server]:
    """A server with an empty bucket."""
    server.bucket("reports", {})
    yield server
    server.faults.calm()
    for found in server.client.list_objects_v2(Bucket="reports").get("Contents", ()):
        server.client.delete_object(Bucket="reports", Key=found["Key"])
    server.client.delete_bucket(Bucket="reports")


@pytest.fixture
def job(bucket: Server, tmp_path: Path, phantoms: ModuleType, model: Model) -> ShardJob:  # noqa: ARG001
    images = write_mixed(tmp_path / "films", phantoms)
    return ShardJob([images], output_at("--shards", PLACE), session_of(model), 3)


def stored(server: Server) -> dict[str, bytes]:
    """Return the bytes of the shards by their keys."""
    return {
        found["Key"]: server.client.get_object(Bucket="reports", Key=found["Key"])["Body"].read()
        for found in server.client.list_objects_v2(Bucket="reports").get("Contents", ())
        if "/shard-" in found["Key"]
    }


def test_a_file_is_put_where_none_is(bucket: Server) -> None:
    """The server decides; the bytes of the first stay, and a listing has both names."""
    folder = output_at("--shards", f"{PLACE}/")
    assert list(folder.names()) == []
    assert folder.add("a", b"first")
    assert not folder.add("a", b"second")
    folder.replace("b", b"third")
    folder.replace("b", b"fourth")
    assert (folder.read("a"), folder.read("b")) == (b"first", b"fourth")
    assert sorted(folder.names()) == ["a", "b"]
    assert bucket.client.get_object(Bucket="reports", Key="day/shards/a")["Body"].read() == b"first"
    with pytest.raises(FileNotFoundError):
        folder.read("c")


def test_shards_and_report_are_those_of_a_disk(
    job: ShardJob, bucket: Server, tmp_path: Path
) -> None:
    """Stopped and continued, with a busy server; a second run scans nothing."""

    def stop(_: object) -> None:
        if len(stored(bucket)) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_shards(job, [FakeSink(write=stop)])
    assert len(stored(bucket)) == 2
    bucket.faults.busy = 2
    run_shards(job)
    sink = FakeSink()
    assert run_shards(job, [sink]).continued_from == 13
    assert sink.outcomes == []
    local = dataclasses.replace(job, folder=output_at("--shards", str(tmp_path / "s")))
    run_shards(local)
    shards = {f"day/shards/{file.name}": file.read_bytes() for file in (tmp_path / "s").glob("s*")}
    assert stored(bucket) == shards
    merge(MergeJob([PLACE], tmp_path / "merged.csv"))
    run_scan(ScanJob(job.paths, tmp_path / "report.csv", job.session))
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "report.csv").read_bytes()


def test_from_a_bucket_into_a_bucket(job: ShardJob, bucket: Server) -> None:
    """The same shards as of a folder of these files; a file that changed is told by its bytes."""
    run_shards(job)
    before = {Path(key).name: data for key, data in stored(bucket).items()}
    films = Path(job.paths[0])
    for file in sorted(films.rglob("*.*")):
        key = f"films/{file.relative_to(films).as_posix()}"
        bucket.client.put_object(Bucket="reports", Key=key, Body=file.read_bytes())
    other = output_at("--shards", "s3://reports/other")
    remote = dataclasses.replace(job, paths=["s3://reports/films"], folder=other)
    run_shards(remote)
    made = {Path(key).name: data for key, data in stored(bucket).items() if "other" in key}
    assert made == before
    image = (films / "10.png").read_bytes()
    bucket.client.put_object(Bucket="reports", Key="films/0.png", Body=image)
    assert run_shards(remote).first_changed == ["0.png"]


def test_two_runs_at_once_make_each_shard_once(job: ShardJob, bucket: Server) -> None:
    """The second finds that a shard is there, and counts its rows."""
    first: list[dict[str, bytes]] = []

    def run_another(_: object) -> None:
        if not first:
            first.append({})
            run_shards(job)
            first[0] = stored(bucket)

    assert run_shards(job, [FakeSink(write=run_another)]).counts.rows == 13
    assert stored(bucket) == first[0]
    assert len(first[0]) == 5


def test_an_answer_that_is_lost_costs_nothing(
    job: ShardJob, bucket: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again, the server has the shard already: it is the own one, and counts once."""
    kind = type(job.folder)
    add = kind.add

    def lost(folder: OutputFolder, name: str, data: bytes) -> bool:
        add(folder, name, data)
        return add(folder, name, data)

    with monkeypatch.context() as patched:
        patched.setattr(kind, "add", lost)
        assert run_shards(job).counts.rows == 13
    assert len(stored(bucket)) == 5
    assert run_shards(job).continued_from == 13


def test_a_server_that_replaces_is_refused(job: ShardJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is scanned where two runs could write one shard."""
    folder = job.folder
    monkeypatch.setattr(
        type(folder), "add", lambda self, name, data: self.replace(name, data) or True
    )
    with pytest.raises(UsageError, match="If-None-Match"):
        run_shards(job)


def test_a_shard_that_went_is_told(job: ShardJob, bucket: Server, tmp_path: Path) -> None:
    """The merge names it; the same scan makes it again."""
    run_shards(job)
    before = stored(bucket)
    bucket.client.delete_object(Bucket="reports", Key=sorted(before)[1])
    with pytest.raises(ReportError, match="shard 2 of 5 missing; run the same scan again"):
        merge(MergeJob([PLACE], tmp_path / "merged.csv"))
    run_shards(job)
    assert stored(bucket) == before


def test_an_edited_shard_is_told(job: ShardJob, bucket: Server, tmp_path: Path) -> None:
    """The same scan stops, also behind a shard that is missing, and nothing is merged."""
    run_shards(job)
    before = stored(bucket)
    keys = sorted(before)
    edited = before[keys[2]].replace(b",0.", b",0.9", 1)
    bucket.client.put_object(Bucket="reports", Key=keys[2], Body=edited)
    with pytest.raises(ReportError, match="was edited: shard-000003"):
        merge(MergeJob([PLACE], tmp_path / "merged.csv"))
    bucket.client.delete_object(Bucket="reports", Key=keys[1])
    for _ in range(2):
        with pytest.raises(ReportError, match="was edited: shard-000003"):
            run_shards(job)
    bucket.client.delete_object(Bucket="reports", Key=keys[2])
    run_shards(job)
    assert stored(bucket) == before


def test_what_cannot_be_is_refused(job: ShardJob, bucket: Server, tmp_path: Path) -> None:
    """A bucket that is not there, other storages, --fresh, and a place among the images."""
    bucket.client.put_object(Bucket="reports", Key="day/a.png", Body=b"")
    config = job.session.config
    for place, words, told in (
        ("s3://none/shards", {}, "no such bucket"),
        ("gs://b/shards", {}, r"expected a folder of this machine or s3://"),
        ("s3://key:secret@b/shards", {}, "without credentials"),
        (PLACE, {"fresh": True}, "--fresh keeps old shards of a local folder"),
    ):
        with pytest.raises(CxrError, match=told):
            ShardJob.open(config, job.paths, output_at("--shards", place), **words)
    with pytest.raises(UsageError, match="is inside s3://reports/day"):
        ShardJob.open(config, ["s3://reports/day"], job.folder)
    with pytest.raises(UsageError, match="expected a folder of shards"):
        merge(MergeJob(["s3://reports/other"], tmp_path / "merged.csv"))


@pytest.mark.parametrize("size", [3, 4])
def test_of_two_runs_that_begin_together_one_decides(
    job: ShardJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int
) -> None:
    """The other goes on with its shards, or refuses where its settings are others."""
    real = Shards.take_first
    others = [dataclasses.replace(job, size=size)]

    def late(shards: Shards) -> None:
        real(shards)
        if others:
            run_shards(others.pop())

    monkeypatch.setattr(Shards, "take_first", late)
    if size == job.size:
        run_shards(job)
    else:
        with pytest.raises(ReportError, match=r"other settings \(shard size 4, now 3\)"):
            run_shards(job)
    merge(MergeJob([PLACE], tmp_path / "merged.csv"))
