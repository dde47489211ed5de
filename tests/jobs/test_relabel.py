"""Reports with another threshold, made from the probabilities of one that is there."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import SAMPLES
from image_folders import write_ward
from runs import rows, session_of

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.relabel import RelabelJob, relabel
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.locate import default_package
from cxr_edge.models.model import Model
from cxr_edge.reports.append_log import is_started
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import manifest_path


@pytest.fixture
def job(tmp_path: Path, phantoms: ModuleType, model: Model) -> ScanJob:
    images = write_ward(tmp_path / "films", phantoms)
    return ScanJob([images], tmp_path / "report.csv", session_of(model, workers=1))


@pytest.fixture
def other(job: ScanJob) -> RelabelJob:
    run_scan(job)
    return RelabelJob(job.out, job.out.with_name("other.csv"), threshold=0.43)


def manifest(report: Path) -> dict[str, Any]:
    return dict(json.loads(manifest_path(report).read_text()))


def test_it_is_the_report_of_a_scan_with_that_threshold(
    job: ScanJob, other: RelabelJob, model: Model
) -> None:
    """Byte for byte, counts too, and the old one stays as it was."""
    before = job.out.read_bytes()
    result = relabel(other)
    session = session_of(model, workers=1)
    decision = dataclasses.replace(session.decision, threshold=0.43, operating_point="custom")
    scanned = dataclasses.replace(
        job, session=dataclasses.replace(session, decision=decision), out=job.out.with_name("s.csv")
    )
    assert result.counts == run_scan(scanned).counts
    assert other.out.read_bytes() == scanned.out.read_bytes()
    assert len({row["label"] for row in rows(other.out)}) == 3  # of failed files too
    assert job.out.read_bytes() == before
    assert run_scan(dataclasses.replace(scanned, out=other.out)).continued_from == 11
    assert manifest(other.out)["relabelled_from"]["report"] == "report.csv"


def test_its_manifest_says_what_it_was_made_from(job: ScanJob, other: RelabelJob) -> None:
    """Name, digest and threshold; how the probabilities were made is that of the scan."""
    relabel(other)
    old, new = manifest(job.out), manifest(other.out)
    assert new["relabelled_from"] == {
        "report": "report.csv",
        "sha256": sha256(job.out.read_bytes()).hexdigest(),
        "threshold": 0.4,
        "operating_point": "screening",
    }
    assert (new["identity"]["threshold"], new["operating_point"]) == (0.43, "custom")
    changed = {"identity", "counts", "digest", "started", "ended", "files_per_second",
               "operating_point", "relabelled_from"}  # fmt: skip
    assert {key: new[key] for key in new.keys() - changed} == {
        key: old[key] for key in old.keys() - changed
    }
    assert new["digest"]["sha256"] == sha256(other.out.read_bytes()).hexdigest()


def test_a_model_that_did_not_make_it_has_no_say(other: RelabelJob) -> None:
    """Its operating points are of other probabilities."""
    named = dataclasses.replace(other, threshold=None, operating_point="screening")
    with pytest.raises(UsageError, match="was made with fake@abababababab, which is not in"):
        relabel(named)
    assert not other.out.exists()


def test_nothing_is_overwritten(other: RelabelJob) -> None:
    """A report that is there stays, as does what is no report."""
    relabel(other)
    with pytest.raises(UsageError, match=r"other.csv exists; choose another name"):
        relabel(other)
    other = dataclasses.replace(other, out=other.out.with_name("n"))
    with pytest.raises(UsageError, match="expected a report of cxr scan, got"):
        relabel(dataclasses.replace(other, report=Path("none.csv")))
    with pytest.raises(UsageError, match=r"expected a report of cxr scan, but .* is a folder"):
        relabel(dataclasses.replace(other, report=other.out.parent))


@pytest.mark.parametrize("content", [b"hello\n", b"path,label\na.jpg,NORMAL\n", b"\xff\xd8\xff"])
def test_what_is_no_report_is_named(other: RelabelJob, content: bytes) -> None:
    """The message says which file, and which one to name; nothing is written."""
    other.report.write_bytes(content)
    with pytest.raises(ReportError, match="is not a report of cxr scan; name the CSV file that"):
        relabel(other)
    assert not other.out.exists()


def test_what_helps_a_scan_is_not_advised(other: RelabelJob) -> None:
    """Neither --fresh nor another --out mends the report that is read."""
    manifest_path(other.report).unlink()
    said = r"so report.csv cannot be relabelled; restore it from a copy, or scan again$"
    with pytest.raises(ReportError, match=said):
        relabel(other)


@pytest.mark.parametrize("keeps_digest", [True, False])
def test_an_edited_report_is_refused(other: RelabelJob, keeps_digest: bool) -> None:
    """By the digest of its rows, or since a label does not go with its probability."""
    other.report.write_text(other.report.read_text().replace("PNEUMONIA", "NORMAL", 1))
    if not keeps_digest:
        fields = manifest(other.report)
        del fields["digest"]
        manifest_path(other.report).write_text(json.dumps(fields))
    said = r"row 1 \(0.png\) is not as cxr scan wrote it; restore it from a copy, or scan again$"
    with pytest.raises(ReportError, match=said):
        relabel(other)
    assert not other.out.exists()


def test_a_scan_that_was_cut_short_can_be_relabelled(job: ScanJob, other: RelabelJob) -> None:
    """The new report has the rows that are there, and does not say that it is finished."""
    whole = job.out.read_bytes()
    job.out.write_bytes(whole[: len(whole) // 2])
    fields = manifest(job.out) | {"exit_code": None}
    manifest_path(job.out).write_text(json.dumps(fields))
    assert relabel(other).exit_code is None
    assert is_started(REPORT, other.out)
    assert 0 < len(rows(other.out)) < 11


def test_the_command_takes_the_models_thresholds(
    cxr: Callable[..., Any], job: ScanJob, tmp_path: Path
) -> None:
    """By name, for the default model and for a package that has been copied elsewhere."""
    from cxr_edge.models.locate import default_package

    package = shutil.copytree(default_package(), tmp_path / "package")
    out, scanned = tmp_path / "r.csv", tmp_path / "s.csv"
    scan = ("scan", *job.paths, "--runtime", "onnx")
    cxr(*scan, "-o", out)
    points = json.loads((package / "spec.json").read_text())["operating_points"]
    name = points[-1]["name"]
    cxr(*scan, "-o", scanned, "--operating-point", name)
    result = cxr("relabel", out, "--operating-point", name, "--model", package)
    assert result.exit_code == manifest(out)["exit_code"], result.output
    assert f"threshold: {points[-1]['threshold']:g} ({name})" in result.output
    assert (tmp_path / "r.relabelled.csv").read_bytes() == scanned.read_bytes()
    neither = cxr("relabel", out)
    assert neither.exit_code == 2
    told = " ".join(neither.output.split())
    assert "expected --operating-point, --threshold or --review-band, got none of them" in told
    assert f"{name} ({points[-1]['threshold']:g})" in told
    unknown = cxr("relabel", out, "--operating-point", "none")  # told before the place of --out
    assert "no operating point 'none'" in unknown.output
    for wrong in (("--threshold", "0.5", "--operating-point", name), ("--threshold", "nan"),
                  ("--threshold", "0.5", "-o", "-")):  # fmt: skip
        assert cxr("relabel", out, *wrong).exit_code == 2


def test_the_exit_code_is_that_of_the_manifest(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """A report with failed files leads to 3, as its scan did; flags and failures are told alike."""
    out = tmp_path / "r.csv"
    scan = cxr("scan", SAMPLES, "--runtime", "onnx", "-o", out)
    relabelled = cxr("relabel", out, "--threshold", "0.5")
    assert scan.exit_code == relabelled.exit_code == 3
    for kind in ("flagged ", "failed "):
        said = [next(line for line in one.output.splitlines() if line.startswith(kind))
                for one in (scan, relabelled)]  # fmt: skip
        assert said[0] == said[1]
    assert manifest(tmp_path / "r.relabelled.csv")["exit_code"] == 3


@pytest.mark.parametrize("keeps_digest", [True, False])
def test_a_report_that_lost_rows_is_not_finished(other: RelabelJob, keeps_digest: bool) -> None:
    """The new one does not say so either, and a scan makes the missing rows in both."""
    if not keeps_digest:
        fields = manifest(other.report)
        del fields["digest"]
        manifest_path(other.report).write_text(json.dumps(fields))
    lines = other.report.read_bytes().splitlines(keepends=True)
    other.report.write_bytes(b"".join(lines[:-2]))
    assert relabel(other).exit_code is None


def test_a_report_of_a_site_is_relabelled_by_the_spec_of_the_site(
    cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """A package takes --spec as a scan does; without it, its own thresholds are not put in."""
    spec = json.loads((default_package() / "spec.json").read_text())
    for point, threshold in zip(spec["operating_points"], (0.2, 0.95, 0.5), strict=True):
        point["threshold"] = threshold
    (tmp_path / "site.json").write_text(json.dumps(spec))
    report, image = tmp_path / "r.csv", SAMPLES / "phantom-opacities.jpg"
    site = ("--spec", tmp_path / "site.json")
    assert cxr("scan", image, "-o", report, "--runtime", "onnx", *site).exit_code == 0
    words = ("relabel", report, "--operating-point", "balanced", "-o")
    assert cxr(*words, tmp_path / "a.csv", *site).exit_code == 0
    assert rows(tmp_path / "a.csv")[0]["threshold"] == "0.950000"
    refused = cxr(*words, tmp_path / "b.csv")
    assert refused.exit_code == 2
    assert "was scanned with screening at 0.2, the spec of cxr-twin has it at 0.63745" in (
        " ".join(refused.output.split())
    )
