"""One report of shards, and of the reports of several sites."""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from image_folders import write_mixed, write_ward
from runs import FakeSink, rows, session_of
from watches import DAY, add_image

from cxr_edge.errors import CxrError, ExitCode, ReportError, UsageError
from cxr_edge.jobs.html_report import PageJob, write_html
from cxr_edge.jobs.merge import MergedManifest, MergeJob, merge
from cxr_edge.jobs.merge_source import source_at
from cxr_edge.jobs.relabel import RelabelJob, relabel
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.shard_job import ShardJob
from cxr_edge.jobs.shard_run import run_shards
from cxr_edge.jobs.source_report import require_report
from cxr_edge.jobs.watch_folder import watch
from cxr_edge.jobs.watch_job import WatchJob
from cxr_edge.models.model import Model
from cxr_edge.pipeline.roots import file_of
from cxr_edge.reports.csv_report import source_kind
from cxr_edge.reports.manifest import ARRIVAL, SORTED, manifest_path
from cxr_edge.reports.shard_rows import ShardFormat
from cxr_edge.storage.local_output import LocalOutput

SIZE = 3


@pytest.fixture
def job(tmp_path: Path, phantoms: ModuleType, model: Model) -> ShardJob:
    images = write_mixed(tmp_path / "films", phantoms)
    return ShardJob([images], LocalOutput(tmp_path / "shards"), session_of(model), SIZE)


@pytest.fixture
def report(job: ShardJob, tmp_path: Path) -> Path:
    """Return the report of the same files."""
    run_scan(ScanJob(job.paths, tmp_path / "report.csv", job.session))
    return tmp_path / "report.csv"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.csv"


def merged(out: Path, *sources: object) -> MergedManifest:
    return merge(MergeJob([str(source) for source in sources], out))


def shard(job: ShardJob, number: int) -> Path:
    return sorted(Path(job.folder.place).glob("shard-*"))[number - 1]


def with_run(job: ShardJob, **fields: object) -> None:
    """Change fields of the manifest of a folder of shards."""
    told = json.loads(job.folder.read("run.json"))
    job.folder.replace("run.json", json.dumps(told | fields).encode())


@pytest.mark.parametrize("kind", ShardFormat)
@pytest.mark.parametrize("size", [1, 3, 13, 1000])
def test_shards_make_the_report(
    job: ShardJob, report: Path, out: Path, kind: ShardFormat, size: int
) -> None:
    """Byte for byte that of a scan into one, whatever the size and format of the shards."""
    kind.require()
    run_shards(dataclasses.replace(job, size=size, format=kind))
    manifest = merged(out, job.folder.place)
    assert out.read_bytes() == report.read_bytes()
    assert (manifest.counts.rows, manifest.exit_code) == (13, ExitCode.SOME_FAILED)


def test_its_manifest_is_that_of_a_scan(job: ShardJob, report: Path, out: Path) -> None:
    """But for times, reasons and the place where the rows come from."""
    run_shards(job)
    merged(out, job.folder.place)
    told, scanned = (json.loads(manifest_path(file).read_text()) for file in (out, report))
    (source,) = told.pop("merged_from")
    assert (source["source"], source["rows"]) == (job.folder.place, 13)
    times = {"report_started", "started", "ended", "files_per_second"}
    assert {key for key in scanned if told[key] != scanned[key]} <= times


def test_a_scan_finds_it_complete(job: ShardJob, out: Path) -> None:
    """It can be continued as any report, also with new files."""
    run_shards(job)
    merged(out, job.folder.place)
    before = out.read_bytes()
    scan = ScanJob(job.paths, out, job.session)
    assert run_scan(scan).continued_from == 13
    assert out.read_bytes() == before
    films = Path(job.paths[0])
    (films / "new.png").write_bytes((films / "0.png").read_bytes())
    assert run_scan(dataclasses.replace(scan, add_new=True)).counts.rows == 14


def test_relabel_takes_it(job: ShardJob, out: Path, tmp_path: Path) -> None:
    """With another threshold it has the rows of before."""
    run_shards(job)
    merged(out, job.folder.place)
    assert relabel(RelabelJob(out, tmp_path / "other.csv", threshold=0.1)).counts.rows == 13


def test_no_files_make_the_header(job: ShardJob, out: Path, tmp_path: Path) -> None:
    """The report is that of a scan of an empty folder."""
    (tmp_path / "none").mkdir()
    job = dataclasses.replace(job, paths=[tmp_path / "none"])
    run_shards(job)
    assert merged(out, job.folder.place).counts.rows == 0
    run_scan(ScanJob(job.paths, tmp_path / "report.csv", job.session))
    assert out.read_bytes() == (tmp_path / "report.csv").read_bytes()


def test_an_unfinished_run_is_not_merged(job: ShardJob, out: Path) -> None:
    """The message says what is there and what finishes it."""
    with pytest.raises(KeyboardInterrupt):
        run_shards(job, [FakeSink(write=_interrupt_at(7))])
    with pytest.raises(ReportError, match=r"not finished \(2 shards are there.*run the same scan"):
        merged(out, job.folder.place)
    assert not out.exists()


def _remove(number: int) -> Callable[[ShardJob], object]:
    return lambda job: shard(job, number).unlink()


def _swap(job: ShardJob) -> None:
    """Give two shards each other's bytes."""
    one, two = shard(job, 1), shard(job, 2)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


DAMAGES: dict[str, tuple[Callable[[ShardJob], object], str]] = {
    "missing": (_remove(3), "shard 3 of 5 missing; run the same scan again"),
    "missing first": (_remove(1), "shard 1 of 5 missing"),
    "missing last": (_remove(5), "shard 5 of 5 missing"),
    "a count beyond memory": (
        lambda job: with_run(job, shards={"size": SIZE, "format": "csv", "count": 10**15}),
        "6, 7, 8, 9, 10, 11, 12, 13, 14, 15 and 999999999999985 more of 1,000,000,000,000,000",
    ),
    "double": (
        lambda job: shard(job, 2).with_name("shard-000002-0123456789abcdef.csv").write_text(""),
        "two shards of one number",
    ),
    "left over": (
        lambda job: shard(job, 2).with_name("shard-000006-0123456789abcdef.csv").write_text(""),
        "its scan made 5 shards, and there is shard-000006-0123456789abcdef.csv too",
    ),
    "cut": (
        lambda job: shard(job, 2).write_bytes(shard(job, 2).read_bytes()[:-9]),
        "cut short",
    ),
    "edited": (
        lambda job: shard(job, 2).write_bytes(shard(job, 2).read_bytes().replace(b",ok", b",OK")),
        "was edited: shard-000002",
    ),
    "swapped": (_swap, "was edited: shard-000001"),
    "renamed": (
        lambda job: shard(job, 2).rename(Path(job.folder.place, f"shard-000002-{16 * '0'}.csv")),
        "was edited: shard-000002-0000000000000000.csv",
    ),
    "other counts": (
        lambda job: with_run(job, counts={"rows": 12}),
        "expected 0 rows in shard-000005.*, got 1",
    ),
    "other settings": (
        lambda job: with_run(
            job, identity=json.loads(job.folder.read("run.json"))["identity"] | {"threshold": 0.1}
        ),
        "was edited: shard-000001",
    ),
    "no marks": (
        lambda job: with_run(job, shards={"size": SIZE, "format": "csv", "count": 5}),
        "does not say which shards there are",
    ),
    "no list": (lambda job: with_run(job, shards={}), "does not say which shards there are"),
    "no manifest": (
        lambda job: (Path(job.folder.place) / "run.json").unlink(),
        r"run\.json is missing",
    ),
}  # fmt: skip
"""Damages to a folder of shards, and what is said of them."""


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_is_not_merged(job: ShardJob, out: Path, name: str) -> None:
    """Nothing is written, and the message names what is wrong."""
    damage, told = DAMAGES[name]
    run_shards(job)
    damage(job)
    with pytest.raises(CxrError, match=told):
        merged(out, job.folder.place)
    assert not out.exists()
    assert not manifest_path(out).exists()


def test_rows_of_several_start_with_a_name(
    job: ShardJob, report: Path, out: Path, tmp_path: Path, phantoms: ModuleType
) -> None:
    """Their files are found by it; several PATHs are named likewise."""
    run_shards(job)
    other = tmp_path / "north" / "report.csv"
    other.parent.mkdir()
    films = write_ward(tmp_path / "others", phantoms)
    run_scan(ScanJob([films], other, job.session))
    manifest = merged(out, report, job.folder.place, other)
    names = [one["name"] for one in manifest.merged_from]
    assert names == ["north/report", "shards", f"{tmp_path.name}/report"]
    found = rows(out)
    paths = [row["path"] for row in found]
    assert paths == sorted(paths)
    assert manifest.order == SORTED
    assert len(paths) == len(set(paths)) == manifest.counts.rows == 13 + 13 + 11
    for row in found:
        file = file_of(row["path"], manifest.roots)
        assert file is not None
        assert Path(file.where).exists()
    expected = [*rows(other), *rows(report), *rows(report)]
    assert [row | {"path": ""} for row in found] == [row | {"path": ""} for row in expected]
    assert manifest.skipped == {"other": 2}
    assert relabel(RelabelJob(out, tmp_path / "n.csv", threshold=0.1)).counts.rows == len(found)


def test_other_settings_are_named(job: ShardJob, report: Path, out: Path, tmp_path: Path) -> None:
    """Rows of two thresholds do not stand in one report."""
    decision = dataclasses.replace(job.session.decision, threshold=0.25)
    session = dataclasses.replace(job.session, decision=decision)
    run_scan(ScanJob(job.paths, tmp_path / "other.csv", session))
    with pytest.raises(UsageError, match=r"different settings \(threshold 0\.25, against 0\."):
        merged(out, report, tmp_path / "other.csv")
    relabel(RelabelJob(report, tmp_path / "now.csv", threshold=0.25))
    assert merged(out, tmp_path / "now.csv", tmp_path / "other.csv").counts.rows == 26


def test_each_site_has_a_machine(report: Path, out: Path, tmp_path: Path) -> None:
    """One with a GPU may be joined with one without; the manifest names both."""
    other = tmp_path / "other.csv"
    other.write_bytes(report.read_bytes())
    told = json.loads(manifest_path(report).read_text())
    told["identity"] |= {"provider": "CUDAExecutionProvider", "batch_size": 16}
    manifest_path(other).write_text(json.dumps(told))
    identity = merged(out, report, other).identity
    assert set(identity.provider.split("; ")) == {
        "CUDAExecutionProvider",
        json.loads(manifest_path(report).read_text())["identity"]["provider"],
    }
    assert identity.batch_size == 16


def test_a_report_by_arrival_keeps_its_order(
    job: ShardJob, report: Path, out: Path, tmp_path: Path
) -> None:
    """And the manifest says so."""
    films = Path(job.paths[0])
    (films / "00.png").write_bytes((films / "0.png").read_bytes())
    grown = tmp_path / "grown.csv"
    grown.write_bytes(report.read_bytes())
    manifest_path(grown).write_bytes(manifest_path(report).read_bytes())
    run_scan(ScanJob([films], grown, job.session, add_new=True))
    manifest = merged(out, report, grown)
    assert manifest.order == ARRIVAL
    ours = [row["path"] for row in rows(out) if row["path"].startswith("grown/")]
    assert ours == [f"grown/{row['path']}" for row in rows(grown)]
    assert ours[-1] == "grown/00.png"


def test_days_of_a_watch_are_joined(
    job: ShardJob, out: Path, tmp_path: Path, phantoms: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One path may have two rows there; commands that read reports find the files of all."""
    monkeypatch.setattr("cxr_edge.jobs.day_page.call_in_subprocess", lambda *_, **__: None)
    inbox, days = tmp_path / "inbox", tmp_path / "days"
    inbox.mkdir()
    days.mkdir()
    watching = WatchJob(
        inbox, days, job.session, settle=0.1, poll=0.02, once=True, tell=lambda _: None
    )
    for day, number in ((DAY, 0), (DAY, 5), (DAY + timedelta(days=1), 3)):
        add_image(inbox, "a.png" if number < 3 or day == DAY else "b.png", phantoms, number)
        watch(dataclasses.replace(watching, today=lambda day=day: day))
    first, second = sorted(days.glob("*.csv"))
    manifest = merged(out, first, second)
    paths = [row["path"] for row in rows(out)]
    assert paths == [f"{DAY}/a.png", f"{DAY}/a.png", f"{DAY + timedelta(days=1)}/b.png"]
    assert (manifest.order, manifest.identity.rows_by) == (ARRIVAL, "path and sha256")
    assert (manifest.identity.files_in, manifest.counts.rows) == (None, 3)
    page = PageJob(out, tmp_path / "page.html", 2)
    assert write_html(page).worklist.counts.rows == 3


def test_an_edited_report_is_refused(report: Path, out: Path, tmp_path: Path) -> None:
    """Every other command refuses it; one that lost rows too."""
    other = tmp_path / "other.csv"
    other.write_bytes(report.read_bytes())
    manifest_path(other).write_bytes(manifest_path(report).read_bytes())
    lines = report.read_bytes().splitlines(keepends=True)
    report.write_bytes(b"".join(lines).replace(b",ok,", b",OK,", 1))
    with pytest.raises(ReportError, match="was edited"):
        merged(out, other, report)
    report.write_bytes(b"".join(lines[:-2]))
    with pytest.raises(ReportError, match="it has lost 2 rows; run the same scan again"):
        merged(out, other, report)
    assert not out.exists()


def test_a_folder_of_shards_is_no_report(job: ShardJob) -> None:
    """Commands that read a report say how to make one of it; a shard is none of its folder."""
    run_shards(job)
    folder = Path(job.folder.place)
    with pytest.raises(UsageError, match=f"merge them first: cxr merge {folder} -o NEW.csv"):
        require_report(source_kind("read"), folder)
    for place in (str(shard(job, 1)), f"s3://bucket/day/{shard(job, 1).name}"):
        with pytest.raises(UsageError, match=f"name its folder: cxr merge {place[:8]}"):
            source_at(place)


def test_what_is_no_source_is_refused(report: Path, out: Path, tmp_path: Path) -> None:
    """A folder of something else, one report alone, one given twice, a path of nothing."""
    (tmp_path / "empty").mkdir()
    for sources, told in (
        ([tmp_path / "empty"], "expected a folder of shards"),
        ([report], "expected a folder of shards or several reports"),
        ([report, report], "given twice"),
        ([tmp_path / "none"], "does not exist"),
        ([tmp_path / "films" / "0.png", report], "expected a report|is not a report"),
    ):
        with pytest.raises(CxrError, match=told):
            merged(out, *sources)


def test_nothing_is_replaced(job: ShardJob, report: Path) -> None:
    """A report that is there stays."""
    run_shards(job)
    before = report.read_bytes()
    with pytest.raises(UsageError, match="exists; choose another name"):
        merged(report, job.folder.place)
    assert report.read_bytes() == before


def _interrupt_at(count: int) -> Callable[[object], None]:
    seen: list[object] = []

    def write(batch: object) -> None:
        seen.append(batch)
        if len(seen) > count:
            raise KeyboardInterrupt

    return write
