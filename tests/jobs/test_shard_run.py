"""One scan into shards, whatever happens in between."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from image_folders import write_mixed
from runs import FakeSink, session_of

from cxr_edge.errors import ExitCode, ReportError, UsageError
from cxr_edge.jobs.failure_limit import FailureLimit
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.jobs.shard_run import run_shards
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.reports.csv_report import COLUMNS
from cxr_edge.reports.shard_rows import ShardFormat
from cxr_edge.storage.local_output import LocalOutput
from cxr_edge.storage.output_place import output_at

SIZE = 3


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_mixed(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path, model: Model) -> ShardJob:
    session = session_of(model, batching=Batching(2), workers=2)
    return ShardJob([images], LocalOutput(tmp_path / "shards"), session, SIZE)


def shards(job: ShardJob) -> dict[str, bytes]:
    """Return the bytes of the shards by their names."""
    folder = Path(job.folder.place)
    return {file.name: file.read_bytes() for file in sorted(folder.glob("shard-*"))}


def lines(job: ShardJob) -> list[bytes]:
    """Return the rows of all shards, without headers."""
    return [line for data in shards(job).values() for line in data.splitlines(keepends=True)[1:]]


def run_json(job: ShardJob) -> dict[str, object]:
    return dict(json.loads(job.folder.read("run.json")))


def reported(job: ShardJob, tmp_path: Path) -> list[bytes]:
    """Return the rows of the report of the same files."""
    report = tmp_path / "report.csv"
    run_scan(ScanJob(job.paths, report, job.session))
    return report.read_bytes().splitlines(keepends=True)[1:]


def stop_after(count: int) -> FakeSink:
    """Return a sink that stops a run after so many batches, as a killed process stops."""
    seen: list[int] = []

    def write(batch: Sequence[object]) -> None:
        seen.append(len(batch))
        if len(seen) > count:
            raise KeyboardInterrupt

    return FakeSink(write=write)


def test_the_rows_are_those_of_the_report(job: ShardJob, tmp_path: Path) -> None:
    """Shards in the order of their names have the rows of the report, each with a header."""
    manifest = run_shards(job)
    assert lines(job) == reported(job, tmp_path)
    sizes = [data.count(b"\n") - 1 for data in shards(job).values()]
    assert sizes == [SIZE, SIZE, SIZE, SIZE, 1]
    assert all(data.startswith(",".join(COLUMNS).encode()) for data in shards(job).values())
    assert manifest.exit_code == ExitCode.SOME_FAILED


def test_the_manifest_tells_what_there_is(job: ShardJob) -> None:
    """Settings, counts, shards and the notice are in it, once the run has ended."""
    run_shards(job)
    told = run_json(job)
    names = list(shards(job))
    marks = "".join(hashlib.sha256(data).hexdigest()[:8] for data in shards(job).values())
    assert told["shards"] == {
        "size": SIZE, "format": "csv", "count": 5, "first": names[0], "last": names[-1],
        "marks": marks,
    }  # fmt: skip
    assert isinstance(told["counts"], dict)
    assert (told["counts"]["rows"], told["exit_code"], told["pid"]) == (13, 3, None)
    assert told["skipped"] == {"other": 1}
    assert "research" in str(told["notice"]).lower()


def test_a_second_run_scans_nothing(job: ShardJob) -> None:
    """All shards are there, so the engine gets no file, and no shard is written again."""
    run_shards(job)
    before = shards(job)
    sink = FakeSink()
    manifest = run_shards(job, [sink])
    assert sink.outcomes == []
    assert manifest.continued_from == manifest.counts.rows == 13
    assert shards(job) == before


@pytest.mark.parametrize("batches", range(7))
def test_a_stopped_run_is_continued(job: ShardJob, tmp_path: Path, batches: int) -> None:
    """Wherever it was stopped, all shards are in the end those of an undisturbed run."""
    whole = dataclasses.replace(job, folder=LocalOutput(tmp_path / "whole"))
    run_shards(whole)
    with pytest.raises(KeyboardInterrupt):
        run_shards(job, [stop_after(batches)])
    assert run_json(job)["exit_code"] == ExitCode.INTERRUPTED
    stood = sum(data.count(b"\n") - 1 for data in shards(job).values())
    sink = FakeSink()
    manifest = run_shards(job, [sink])
    assert shards(job) == shards(whole)
    assert len(sink.outcomes) == 13 - stood
    assert manifest.continued_from == stood
    assert manifest.shards == run_shards(whole).shards


@pytest.mark.parametrize("number", range(5))
def test_a_shard_that_was_removed_is_made_again(job: ShardJob, number: int) -> None:
    """And only its files are scanned."""
    run_shards(job)
    before = shards(job)
    gone = list(before)[number]
    (Path(job.folder.place) / gone).unlink()
    sink = FakeSink()
    run_shards(job, [sink])
    assert shards(job) == before
    assert len(sink.outcomes) == before[gone].count(b"\n") - 1


def marks(job: ShardJob) -> str:
    """Return the marks of the manifest as it stands."""
    told = run_json(job)["shards"]
    assert isinstance(told, dict)
    return str(told["marks"])


def edit(job: ShardJob, number: int) -> str:
    """Change a row of a shard; return its name."""
    name, data = list(shards(job).items())[number]
    (Path(job.folder.place) / name).write_bytes(data.replace(b",0.", b",0.9", 1))
    return name


def test_the_marks_are_there_from_the_first_moment(job: ShardJob) -> None:
    """A run that is killed as it begins leaves the marks of all shards, behind a gap too."""
    run_shards(job)
    before = marks(job)
    (Path(job.folder.place) / next(iter(shards(job)))).unlink()
    seen: list[str] = []
    run_shards(job, [FakeSink(begin=lambda _: seen.append(marks(job)))])
    assert seen == [before]


def test_a_shard_has_its_mark_before_it_is_there(
    job: ShardJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So wherever a run is killed, the next one knows an edited shard from one that was written."""
    add, seen = LocalOutput.add, []

    def noted(folder: LocalOutput, name: str, data: bytes) -> bool:
        if name.startswith("shard-"):
            seen.append(marks(job).endswith(hashlib.sha256(data).hexdigest()[:8]))
        return add(folder, name, data)

    monkeypatch.setattr(LocalOutput, "add", noted)
    run_shards(job)
    assert seen == [True] * 5


@pytest.mark.parametrize("gap", range(4))
@pytest.mark.parametrize("finished", [True, False])
def test_an_edited_shard_stops_the_run(job: ShardJob, gap: int, finished: bool) -> None:
    """Whatever shards are missing, and wherever a run was killed: not even its end was noted."""
    run_shards(job)
    before = shards(job)
    if not finished:
        told = run_json(job)
        job.folder.replace("run.json", json.dumps(told | {"exit_code": None, "pid": 1}).encode())
    name = edit(job, 3)
    for gone in list(before)[:gap]:
        (Path(job.folder.place) / gone).unlink()
    with pytest.raises(ReportError, match=rf"was edited: {name}.*remove that shard"):
        run_shards(job)
    (Path(job.folder.place) / name).unlink()
    run_shards(job)
    assert shards(job) == before


def test_a_shard_without_a_mark_is_scanned_again(job: ShardJob) -> None:
    """Nobody knows whether it was edited, so its rows must be those of its files."""
    run_shards(job)
    before = shards(job)
    unmarked = run_json(job)
    unmarked["shards"]["marks"] = marks(job)[:8]  # type: ignore[index]
    job.folder.replace("run.json", json.dumps(unmarked).encode())
    sink = FakeSink()
    run_shards(job, [sink])
    assert (shards(job), len(sink.outcomes)) == (before, 10)
    job.folder.replace("run.json", json.dumps(unmarked).encode())
    name = edit(job, 1)
    for _ in range(2):
        with pytest.raises(ReportError, match=f"was edited: {name}"):
            run_shards(job)


def test_what_a_killed_run_left_is_removed(job: ShardJob) -> None:
    """A half-written shard has another name, and is never taken for one."""
    folder = Path(job.folder.place)
    folder.mkdir()
    (folder / ".half-0123").write_text("half")
    run_shards(job)
    assert not list(folder.glob(".*"))


def test_a_file_that_came_stops_the_run(job: ShardJob, images: Path) -> None:
    """The shards were cut of another listing; the message names the first file."""
    run_shards(job)
    before = shards(job)
    (images / "1a.png").write_bytes((images / "0.png").read_bytes())
    with pytest.raises(ReportError, match=r"shard 1 .*files \(1a\.png was added since\).*--fresh"):
        run_shards(job)
    assert shards(job) == before


def test_a_file_that_went_stops_the_run(job: ShardJob, images: Path) -> None:
    """Also where the shards that are left agree; the manifest stays as it was."""
    run_shards(job)
    before = run_json(job)
    (images / "empty.jpg").unlink()  # the only file of the last shard
    with pytest.raises(ReportError, match=r"1 shard is of files that are gone \(from 5 on\)"):
        run_shards(job)
    assert run_json(job) == before


def listed(job: ShardJob) -> list[str]:
    """Return the paths of the rows of all shards."""
    return [line.decode().partition(",")[0] for line in lines(job)]


@pytest.mark.parametrize("place", range(2 * SIZE))
def test_the_file_that_went_or_came_is_named(job: ShardJob, images: Path, place: int) -> None:
    """Wherever in its shard it stands; no other file is, though all behind it move."""
    run_shards(job)
    path = listed(job)[place]
    number = 1 + place // SIZE
    data = (images / path).read_bytes()
    (images / path).unlink()
    with pytest.raises(ReportError, match=rf"shard {number} is .*\({re.escape(path)} is gone\)"):
        run_shards(job)
    (images / path).write_bytes(data)
    (images / f"{path}+.png").write_bytes(data)  # right behind it
    number, path = 1 + (place + 1) // SIZE, f"{path}+.png"
    with pytest.raises(ReportError, match=rf"shard {number} .*\({re.escape(path)} was added since"):
        run_shards(job)


def test_other_settings_stop_the_run(job: ShardJob) -> None:
    """The settings that differ are named, and what helps."""
    run_shards(job)
    other = dataclasses.replace(job, size=4)
    with pytest.raises(ReportError, match=r"shard size 3, now 4.*give --shard-size as before"):
        run_shards(other)
    decision = dataclasses.replace(job.session.decision, threshold=0.25)
    other = dataclasses.replace(job, session=dataclasses.replace(job.session, decision=decision))
    with pytest.raises(ReportError, match=r"threshold .*, now 0\.25.*'cxr relabel'"):
        run_shards(other)


def test_changed_bytes_are_told(job: ShardJob, images: Path) -> None:
    """A file of the first rows whose bytes differ is counted, as for a report."""
    run_shards(job)
    (images / "0.png").write_bytes((images / "10.png").read_bytes())
    assert run_shards(job).first_changed == ["0.png"]


def test_fresh_keeps_the_old_shards(job: ShardJob) -> None:
    """They are in a folder beside, with their manifest."""
    run_shards(job)
    before = shards(job)
    run_shards(dataclasses.replace(job, size=5, fresh=True))
    kept = Path(f"{job.folder.place}.old-1")
    assert {file.name for file in kept.iterdir()} == {*before, "run.json"}
    assert len(shards(job)) == 3


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-5], "cut short"),
        (lambda data: b"", "another header"),
        (lambda data: data + data.splitlines(keepends=True)[1], "not those of its files"),
        (lambda data: data.replace(b"\n", b"\r\n"), "another header"),
        (lambda data: data.replace(b",0.", b",0.9", 1), "was edited"),
    ],
)
def test_a_damaged_shard_stops_the_run(job: ShardJob, damage: object, told: str) -> None:
    """It is named with what to do; removed, it is made again."""
    assert callable(damage)
    run_shards(job)
    before = shards(job)
    first = next(iter(before))
    (Path(job.folder.place) / first).write_bytes(damage(before[first]))
    with pytest.raises(ReportError, match=rf"(?s){first}.*remove that shard") as error:
        run_shards(job)
    assert told in str(error.value)
    (Path(job.folder.place) / first).unlink()
    run_shards(job)
    assert shards(job) == before


def test_two_shards_of_one_number_stop_the_run(job: ShardJob) -> None:
    """Both are named."""
    run_shards(job)
    first, data = next(iter(shards(job).items()))
    (Path(job.folder.place) / "shard-000001-0123456789abcdef.csv").write_bytes(data)
    with pytest.raises(ReportError, match=rf"two shards of one number.*{first}"):
        run_shards(job)


def test_shards_without_a_manifest_stop_the_run(job: ShardJob) -> None:
    """Nobody knows their settings."""
    run_shards(job)
    (Path(job.folder.place) / "run.json").unlink()
    with pytest.raises(ReportError, match=r"run\.json is missing"):
        run_shards(job)


def test_files_of_others_are_left_alone(job: ShardJob) -> None:
    """A folder of something else is no place for shards."""
    folder = Path(job.folder.place)
    folder.mkdir()
    (folder / "precious.txt").touch()
    with pytest.raises(ReportError, match=r"got precious\.txt in it"):
        run_shards(job)
    assert [file.name for file in folder.iterdir()] == ["precious.txt"]


def test_one_run_at_a_time(job: ShardJob) -> None:
    """The second one is told who writes there."""
    with job.alone(), pytest.raises(ReportError, match="being written by another scan"):
        run_shards(job)


def test_a_shard_that_another_run_wrote_first_counts(job: ShardJob, tmp_path: Path) -> None:
    """Two runs without a lock, as in a bucket: each shard is there once, and both count it."""
    other = dataclasses.replace(job, folder=_Unlocked(tmp_path / "shards"))
    nested = FakeSink(begin=lambda _: run_shards(other) and None)
    manifest = run_shards(other, [nested])
    assert manifest.counts.rows == 13
    assert len(lines(job)) == 13


def test_too_many_failures_stop_the_run(job: ShardJob) -> None:
    """A higher limit continues it."""
    limited = dataclasses.replace(job, max_failures=FailureLimit("0"))
    with pytest.raises(ReportError, match="--max-failures allows 0"):
        run_shards(limited)
    assert run_shards(dataclasses.replace(job, max_failures=FailureLimit("5"))).counts.failed == 2


def test_a_full_disk_stops_the_run(job: ShardJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of a shard is left, and the same command continues."""

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(LocalOutput, "add", full)
        with pytest.raises(ReportError, match="No space left on device; make room"):
            run_shards(job)
    assert shards(job) == {}
    assert run_shards(job).counts.rows == 13


def test_no_files_make_no_shard(job: ShardJob, tmp_path: Path) -> None:
    """The manifest says that there were none."""
    (tmp_path / "none").mkdir()
    manifest = run_shards(dataclasses.replace(job, paths=[tmp_path / "none"]))
    assert (manifest.shards.count, manifest.exit_code) == (0, ExitCode.DONE)


def test_parquet_has_the_same_rows(job: ShardJob, tmp_path: Path) -> None:
    """Also continued; and the bytes are the same in each run."""
    pytest.importorskip("pyarrow")
    job = dataclasses.replace(job, format=ShardFormat.PARQUET)
    with pytest.raises(KeyboardInterrupt):
        run_shards(job, [stop_after(4)])
    run_shards(job)
    whole = dataclasses.replace(job, folder=LocalOutput(tmp_path / "whole"))
    run_shards(whole)
    assert shards(job) == shards(whole)
    cells = [row for data in shards(job).values() for row in job.format.decoded(data)]
    header = ",".join(COLUMNS).encode() + b"\n"
    report = b"".join([header, *reported(job, tmp_path)])
    assert cells == [*ShardFormat.CSV.decoded(report)]


def test_a_place_inside_of_the_films_is_refused(
    job: ShardJob, images: Path, tmp_path: Path
) -> None:
    """Shards are no films; nor is a folder made whose folder is not there."""
    config = job.session.config
    with pytest.raises(UsageError, match=r"--shards: .* is inside"):
        ShardJob.open(config, [images], LocalOutput(images / "shards"))
    with pytest.raises(UsageError, match="expected a folder, got the name of an archive"):
        output_at("--shards", str(tmp_path / "new.zip"))
    with pytest.raises(UsageError, match="does not exist; make it first"):
        ShardJob.open(config, [images], LocalOutput(tmp_path / "none" / "shards"))


class _Unlocked:
    """A folder on a disk that nobody locks, as a bucket."""

    def __init__(self, path: Path) -> None:
        inner = LocalOutput(path)
        self.place, self.names, self.read = inner.place, inner.names, inner.read
        self.add, self.replace = inner.add, inner.replace
