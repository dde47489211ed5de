"""Reports and mappings that an earlier version started are finished by this one."""

import dataclasses
import json
import struct
from pathlib import Path

import pytest
from runs import session_of

from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_run import run_convert
from cxr_edge.jobs.relabel import RelabelJob, relabel
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.tables import Written, write_table
from cxr_edge.models.model import Model
from cxr_edge.pipeline.input_check import ShapeCheck
from cxr_edge.reports.manifest import manifest_path

REPORT_MANIFEST = """{
  "manifest_version": 2,
  "tool_version": "0.1.0",
  "identity": {
    "model": "fake",
    "model_sha256": "abababababababababababababababababababababababababababababababab",
    "input": "32x32x1 uint8",
    "recipe": "cxr-1",
    "recipe_sha256": "099eaf23b71fef0bfad35b71c7d543cf8e8e1107cb42d38cf3d537fea350c926",
    "labels": ["NORMAL", "PNEUMONIA"],
    "threshold": 0.4,
    "runtime": "onnx",
    "provider": "FakeProvider",
    "batch_size": 1
  },
  "runtime_asked": "auto",
  "runtime_why": "asked for",
  "device_asked": "auto",
  "device_why": "no other is installed",
  "batch_size": 1,
  "batch_why": "fastest of ms a film 12.2 by 1, 12.8 by 4 (measured)",
  "workers": 2,
  "threads": 1,
  "self_test": "passed",
  "operating_point": "screening",
  "counts": {
    "rows": 0, "ok": 0, "failed": 0, "flagged": 0,
    "labels": {}, "flags": {}, "reasons": {}, "first_failed": []
  },
  "passed_over": {"other": 2},
  "first_lost": [],
  "continued_from": 0,
  "changed": 0,
  "first_changed": [],
  "begun": "2026-03-01T03:47:25+00:00",
  "started": "2026-03-02T03:47:25+00:00",
  "ended": null,
  "files_per_second": null,
  "exit_code": null,
  "pid": 4711
}
"""

HALF_A_REPORT = """\
path,status,label,probability,threshold,flags,reason,detail,width,height,format,sha256,model
3.bmp,ok,NORMAL,0.243137,0.400000,,,,32,32,bmp,\
f7b3324c0b332318253a1d9597db213a316cb4234e99a79a4ab58ed5ab340c78,fake@abababababab
4.bmp,ok,NORMAL,0.303922,0.400000,,,,32,32,bmp,\
8e8c3268131d143da22f5369f1c66d3082ceab2a5b130ea01e0dd507adac3996,fake@abababababab
5.bmp,ok,NORMAL,0.364706,0.400000,,,,32,32,bmp,\
2c3021ae2e9b9d3670f7692cfe74fe3e2f9ca6a94209873714a369c3ac433a2d,fake@abababababab
6.bmp,ok,PNEUMONIA,0.425490"""

MAPPING_MANIFEST = """{
  "manifest_version": 1,
  "tool_version": "0.1.0",
  "identity": {
    "format": "png",
    "bits": 8,
    "quality": null,
    "names": "kept",
    "key_check": null,
    "recipe_sha256": "099eaf23b71fef0bfad35b71c7d543cf8e8e1107cb42d38cf3d537fea350c926"
  },
  "passed_over": {"other": 2},
  "counts": {"rows": 0, "ok": 0, "failed": 0, "flagged": 0, "flags": {}, "reasons": {}},
  "continued_from": 0,
  "started": "2026-03-01T03:47:31+00:00",
  "ended": null,
  "exit_code": null,
  "pid": 4711
}
"""


def bmp(slope: int) -> bytes:
    """Return a file whose bytes depend on no encoder: 32 by 32 gray levels, a ramp."""
    pixels = bytes(min(255, slope * x + y) for y in range(32) for x in range(32))
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256))
    start = 14 + 40 + len(palette)
    head = struct.pack("<2sIIIIiiHHIIiiII", b"BM", start + len(pixels), 0, start, 40, 32, 32, 1, 8,
                       0, len(pixels), 0, 0, 256, 0)  # fmt: skip
    return head + palette + pixels


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Five images and a file that fails."""
    folder = tmp_path / "films"
    folder.mkdir()
    for slope in range(3, 8):
        (folder / f"{slope}.bmp").write_bytes(bmp(slope))
    (folder / "bad.png").write_text("no image")
    return folder


def test_a_report_is_finished_byte_for_byte(images: Path, model: Model, tmp_path: Path) -> None:
    """Its manifest, of version 2, becomes one of this version and keeps the time of its start."""
    session = dataclasses.replace(session_of(model), checks=(ShapeCheck(),))  # as in version 2
    whole = ScanJob([images], tmp_path / "whole.csv", session)
    run_scan(whole)
    job = ScanJob([images], tmp_path / "report.csv", session)
    job.out.write_text(HALF_A_REPORT)
    manifest_path(job.out).write_text(REPORT_MANIFEST)
    assert run_scan(job).continued_from == 3
    assert job.out.read_bytes() == whole.out.read_bytes()
    data = json.loads(manifest_path(job.out).read_text())
    assert data["report_started"] == "2026-03-01T03:47:25+00:00"
    assert data["manifest_version"] == 3
    assert run_scan(job).continued_from == 6


def test_the_rows_of_a_report_become_a_table(tmp_path: Path) -> None:
    """Those that are whole, with the facts of a manifest of version 2."""
    report, table = tmp_path / "report.csv", tmp_path / "table.jsonl"
    report.write_text(HALF_A_REPORT)
    manifest_path(report).write_text(REPORT_MANIFEST)
    assert write_table(report, table) == Written(3, is_finished=False)
    first = json.loads(table.read_text().splitlines()[0])
    assert (first["path"], first["probability"], first["positive"]) == (
        "3.bmp", 0.243137, "PNEUMONIA"
    )  # fmt: skip


@pytest.mark.parametrize("how", [{}, {"add_new": True}, {"retry_failed": True}])
def test_a_report_says_which_versions_wrote_it(
    how: dict[str, bool], images: Path, model: Model, tmp_path: Path
) -> None:
    """Another version may read images otherwise, so its rows do not pass for those of this one."""
    job = ScanJob([images], tmp_path / "report.csv", session_of(model))
    assert run_scan(job).earlier_versions == []
    fields = json.loads(manifest_path(job.out).read_text()) | {"tool_version": "0.1.0"}
    manifest_path(job.out).write_text(json.dumps(fields))
    assert run_scan(dataclasses.replace(job, **how)).earlier_versions == ["0.1.0"]  # type: ignore[arg-type]
    assert run_scan(job).earlier_versions == ["0.1.0"]
    other = RelabelJob(job.out, tmp_path / "other.csv", threshold=0.9)
    assert relabel(other).earlier_versions == ["0.1.0"]


def test_a_mapping_is_finished_byte_for_byte(images: Path, tmp_path: Path) -> None:
    """Its manifest, of version 1, becomes one of this version and keeps the time of its start."""
    job = ConvertJob(images, tmp_path / "out", tmp_path / "m.csv", key=None)
    run_convert(job)
    whole = job.mapping.read_bytes()
    job.mapping.write_bytes(whole[: len(whole) // 2])
    manifest_path(job.mapping).write_text(MAPPING_MANIFEST)
    assert 0 < run_convert(job).continued_from < 6
    assert job.mapping.read_bytes() == whole
    data = json.loads(manifest_path(job.mapping).read_text())
    assert data["report_started"] == "2026-03-01T03:47:31+00:00"
    assert data["manifest_version"] == 3
