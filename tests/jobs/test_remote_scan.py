"""The part of a scan that travels: it gives the session's rows, or refuses."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES

from cxr_edge.errors import ModelError, UsageError
from cxr_edge.jobs.remote_scan import RemoteScan, Scored
from cxr_edge.jobs.scan_engine import Cluster, _require_seen
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.models.locate import default_package
from cxr_edge.pipeline.discover import ImageItem, discover
from cxr_edge.pipeline.outcome import Failure
from cxr_edge.pipeline.scan import scan
from cxr_edge.storage.local_output import LocalOutput

SECONDS = 60.0


@pytest.fixture(autouse=True)
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of the tests is not to end itself."""
    monkeypatch.setattr("cxr_edge.jobs.remote_scan.watch_self", lambda _table: None)


def items(folder: Path = SAMPLES) -> list[ImageItem]:
    return [replace(item, folder=None) for item in discover([folder])]


def sent(remote: RemoteScan) -> RemoteScan:
    """Return what arrives at another machine."""
    there: RemoteScan = pickle.loads(pickle.dumps(remote))  # noqa: S301  (ours)
    return there


def session(**settings: Any) -> Session:
    settings = {"runtime": "onnx", "device": "cpu", "batch_size": 4, "self_test": False} | settings
    return Session.open(ScanConfig(**settings))


@pytest.mark.slow
@pytest.mark.parametrize("artefact", ["", "model.int8.onnx"])
def test_a_model_travels_with_the_scan(
    artefact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has no file of it gives the same outcomes; one with a model sends none."""
    folder = tmp_path / "there"
    folder.mkdir()
    for name in ("SHA256SUMS", "spec.json", "model.onnx", "model.int8.onnx"):
        (folder / name).write_bytes((default_package() / name).read_bytes())
    opened = session(model=str(folder / artefact))
    remote = RemoteScan.of(opened, SECONDS)
    folder.rename(tmp_path / "gone")
    monkeypatch.chdir(tmp_path)
    batches = scan(items(), opened.model, opened.decision, batching=opened.batching)
    expected = [outcome for batch in batches for outcome in batch]
    assert sent(remote)(items()).outcomes == expected
    assert sent(remote).carefully(items(), 1).outcomes == expected
    assert not RemoteScan.of(session(), SECONDS).files


@pytest.mark.slow
def test_a_machine_with_another_model_or_setting_refuses() -> None:
    """The error names the machine, and what differs."""
    remote = RemoteScan.of(session(), SECONDS)
    other = replace(remote, identity={**remote.identity, "model_sha256": "0" * 64})
    with pytest.raises(ModelError, match=r"^.+: expected the model .*model sha256 0000.*install"):
        sent(other)(items())


@pytest.mark.parametrize(("device", "found"), [("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda")])
@pytest.mark.parametrize("target", ["report", "shards"])
def test_a_cluster_computes_on_cpus(
    target: str, device: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a device is named: the driver's may be one that no other machine has."""
    asked: list[str] = []

    def note(config: ScanConfig, *_: object, **__: object) -> None:
        asked.append(config.device)

    monkeypatch.setattr(Session, "open", note)
    config, cluster = ScanConfig(device=device), Cluster()
    if target == "shards":
        ShardJob.open(config, [SAMPLES], LocalOutput(tmp_path / "s"), cluster=cluster)
    else:
        ScanJob.open(config, [SAMPLES], tmp_path / "report.csv", cluster=cluster)
    assert asked == [found]


def test_a_machine_that_does_not_see_the_files_is_refused(tmp_path: Path) -> None:
    """Its rows would say that files are unreadable which are not; one that nobody reads is so."""
    seen = tmp_path / "films" / "a.png"
    seen.parent.mkdir()
    seen.write_bytes(b"an image")
    chunk = [ImageItem("a.png", str(seen)), ImageItem("b.png", str(seen.with_name("b.png")))]
    rows = [Failure(item.path, "", "unreadable", "no such file", "", item.where) for item in chunk]
    _require_seen(chunk[1:], Scored("node-7", rows[1:]))
    with pytest.raises(UsageError, match=r"^node-7: expected the files of .*/films as on this"):
        _require_seen(chunk, Scored("node-7", rows))


def test_a_machine_that_does_not_reach_a_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody mounts a bucket: network and credentials are what it may lack."""
    monkeypatch.setattr("cxr_edge.jobs.scan_engine._reads", lambda _item: True)
    where = "s3://films/a.png"
    row = Failure("a.png", "", "unreadable", "access denied", "", where)
    with pytest.raises(UsageError, match=r"files of s3://films as on .*reach the server, with the"):
        _require_seen([ImageItem("a.png", where)], Scored("node-7", [row]))


def test_workers_are_those_of_the_cluster() -> None:
    """The driver chooses a batch size for its own CPUs, and a device that is named stays."""
    assert Cluster(workers=64).settled(ScanConfig(workers=64)) == ScanConfig(device="cpu")
    assert Cluster().settled(ScanConfig(device="cuda")).device == "cuda"
