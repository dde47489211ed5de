"""Reports and mappings that an earlier version started are finished by this one."""

import json
from pathlib import Path

from fakes import SAMPLES
from runs import session_of

from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_run import run_convert
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
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
phantom-normal.jpg,ok,PNEUMONIA,0.407655,0.400000,,,,512,512,jpeg,\
b79c1727cfea0fc4be55ef66f7945865bd035428c6605e0a0c881b889c97b809,fake@abababababab
phantom-normal.tiff,ok,PNEUMONIA,0.407043,0.400000,,,,512,512,tiff,\
1847c2929f5b6cf787ea417a50eae5b258391a592f9032e4ee3edc88fd691072,fake@abababababab
phantom-opacities-16bit.png,ok,PNEUMONIA,0.433364,0.400000,,,,320,320,png,\
3ce326982d4481d20fd7ac3a69211152352ae85b83da6f6d4fd3c355807b31a5,fake@abababababab
phantom-opacities-8bit.png,ok,PNEUMO"""

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


def test_a_report_is_finished_byte_for_byte(model: Model, tmp_path: Path) -> None:
    """Its manifest, of version 2, becomes one of this version and keeps the time of its start."""
    whole = ScanJob([SAMPLES], tmp_path / "whole.csv", session_of(model))
    run_scan(whole)
    job = ScanJob([SAMPLES], tmp_path / "report.csv", session_of(model))
    job.out.write_text(HALF_A_REPORT)
    manifest_path(job.out).write_text(REPORT_MANIFEST)
    assert run_scan(job).continued_from == 3
    assert job.out.read_bytes() == whole.out.read_bytes()
    data = json.loads(manifest_path(job.out).read_text())
    assert data["report_started"] == "2026-03-01T03:47:25+00:00"
    assert data["manifest_version"] == 3
    assert run_scan(job).continued_from == 9


def test_a_mapping_is_finished_byte_for_byte(tmp_path: Path) -> None:
    """Its manifest, of version 1, becomes one of this version and keeps the time of its start."""
    job = ConvertJob(SAMPLES, tmp_path / "out", tmp_path / "m.csv", key=None)
    run_convert(job)
    whole = job.mapping.read_bytes()
    job.mapping.write_bytes(whole[: len(whole) // 2])
    manifest_path(job.mapping).write_text(MAPPING_MANIFEST)
    assert 0 < run_convert(job).continued_from < 9
    assert job.mapping.read_bytes() == whole
    data = json.loads(manifest_path(job.mapping).read_text())
    assert data["report_started"] == "2026-03-01T03:47:31+00:00"
    assert data["manifest_version"] == 3
