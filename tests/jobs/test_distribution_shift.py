"""Runs over images that differ from those that the model was validated on."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from fakes import FakeRuntime
from image_folders import write_ward
from runs import session_of

from cxr_edge.cli.scan_options import OutputOptions
from cxr_edge.cli.scan_summary import summary_lines
from cxr_edge.jobs.html_report import PageJob, write_html
from cxr_edge.jobs.relabel import RelabelJob, relabel
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.reports import distribution_shift as module
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance


@pytest.fixture
def job(
    tmp_path: Path, phantoms: ModuleType, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> ScanJob:
    """A scan of eight images, enough to compare, by a model whose validation images were darker."""
    monkeypatch.setattr(module, "LEAST", 8)
    area = Interval(0.95, 0.94, 0.96)
    deciles = tuple(np.linspace(0.01, 0.09, 9).tolist())
    facts = Provenance(
        "edge", "films", "0" * 64, "cxr train", 1, 0.2, 80, 40, 20, 10, area, score_deciles=deciles
    )
    spec = dataclasses.replace(spec, provenance=facts)
    session = session_of(Model("ab" * 32, "onnx", FakeRuntime(spec)), workers=1)
    return ScanJob([write_ward(tmp_path / "films", phantoms)], tmp_path / "report.csv", session)


def section(report: Path) -> dict[str, Any]:
    return dict(json.loads(manifest_path(report).read_text())["distribution_shift"])


def test_the_manifest_says_what_differs(job: ScanJob) -> None:
    """Counts, index and warning, of scored images alone; the exit code stays."""
    manifest = run_scan(job)
    found = section(job.out)
    assert manifest.exit_code == 3  # three files fail
    assert found["probabilities"]["tenths"] == [0] * 9 + [8]
    assert found["probabilities"]["index"] > found["limit"]
    assert found["warning"].startswith("distribution-shift: the probabilities differ")
    assert found["input_check"] is None
    assert "shift" not in json.loads(manifest_path(job.out).read_text())["counts"]


def test_a_resumed_run_says_the_same(job: ScanJob) -> None:
    """It goes by the rows of the whole report, whoever wrote them; so does a run without work."""
    run_scan(job)
    undisturbed = section(job.out)
    run_scan(job)
    assert section(job.out) == undisturbed
    whole = job.out.read_bytes()
    job.out.write_bytes(whole[: len(whole) // 2])
    fields = json.loads(manifest_path(job.out).read_text()) | {"exit_code": None}
    del fields["distribution_shift"]  # as an earlier version wrote it
    manifest_path(job.out).write_text(json.dumps(fields))
    run_scan(job)
    assert job.out.read_bytes() == whole
    assert section(job.out) == undisturbed


def test_relabel_and_the_page_say_the_same(job: ScanJob) -> None:
    """The probabilities are those of the scan, so the finding is too."""
    run_scan(job)
    made = job.out.with_name("made.csv")
    relabel(RelabelJob(job.out, made, threshold=0.43))
    assert section(made) == section(job.out)
    for report in (job.out, made):
        page = report.with_suffix(".html")
        write_html(PageJob(report, page, pictures=0))
        assert "Warning: distribution-shift: the probabilities differ" in page.read_text()


def test_the_summary_says_it_once(cxr: Callable[..., Any], job: ScanJob) -> None:
    """A scan's, and that of a relabelled report."""
    lines = list(summary_lines(run_scan(job), OutputOptions(job.out)))
    relabelled = cxr("relabel", job.out, "--threshold", 0.43).output.splitlines()
    told = "warning: distribution-shift: the probabilities differ"
    for summary in (lines, relabelled):
        assert sum(line.startswith(told) for line in summary) == 1


def test_a_model_without_deciles_is_silent(job: ScanJob, model: Model) -> None:
    """The manifest has null, in a scan as in a relabelled report."""
    run_scan(dataclasses.replace(job, session=session_of(model, workers=1)))
    made = job.out.with_name("made.csv")
    relabel(RelabelJob(job.out, made, threshold=0.43))
    for report in (job.out, made):
        assert json.loads(manifest_path(report).read_text())["distribution_shift"] is None
