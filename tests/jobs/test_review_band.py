"""Scans that leave images in the model's review band to a person."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from heat_model import write_heat_model
from image_folders import write_ward
from numpy.typing import NDArray
from runs import rows, session_of

from cxr_edge.cli.scan_options import OutputOptions
from cxr_edge.cli.scan_summary import summary_lines
from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.relabel import RelabelJob, relabel
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.pipeline.decision import Decision
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.on_input_check import OnInputCheck
from cxr_edge.spec.review_band import ReviewBand
from cxr_edge.spec.site_facts import SiteFacts

BAND = ReviewBand(0.9, 0.3, 0.5, ())


class BrightCheck:
    """Flags images whose mean gray value is 0.44 of white or more."""

    def flags(self, pixels: NDArray[np.uint8], *_: object) -> Sequence[str]:
        return ["lateral"] if pixels.mean() >= 0.44 * 255 else []


@pytest.fixture
def job(tmp_path: Path, phantoms: ModuleType, model: Model) -> ScanJob:
    images = write_ward(tmp_path / "films", phantoms)
    return ScanJob([images], tmp_path / "report.csv", session_of(model, workers=1))


def banded(job: ScanJob) -> ScanJob:
    """Return the same scan with a review band."""
    decision = dataclasses.replace(job.session.decision, review_band=BAND.limits)
    session = dataclasses.replace(job.session, decision=decision)
    return dataclasses.replace(job, session=session, out=job.out.with_name("banded.csv"))


def identity(report: Path) -> dict[str, Any]:
    return dict(json.loads(manifest_path(report).read_text())["identity"])


def test_only_labels_in_the_band_change(job: ScanJob) -> None:
    """All else in the rows is the same, and a report without a band does not speak of one."""
    run_scan(job)
    manifest = run_scan(banded(job))
    before, after = rows(job.out), rows(banded(job).out)
    held = [row for row in after if row["label"] == "review"]
    assert 0 < len(held) < len(after)
    assert manifest.counts.labels["review"] == len(held)
    said = list(summary_lines(manifest, OutputOptions()))
    assert f"review band (0.3 to 0.5): {len(held)} images, labelled review" in said
    for old, new in zip(before, after, strict=True):
        if new["label"] == "review":
            assert 0.3 <= float(new["probability"]) <= 0.5
        else:
            assert new["label"] == old["label"]
        assert new | {"label": old["label"]} == old
    assert "review_band" not in identity(job.out)
    assert identity(banded(job).out)["review_band"] == [0.3, 0.5]


def test_images_are_left_by_the_band_or_by_the_input_check(job: ScanJob) -> None:
    """Each is counted once: what should not be scored is not counted for the band."""
    job = banded(job)
    decision = dataclasses.replace(job.session.decision, on_input_check=OnInputCheck.REVIEW)
    session = dataclasses.replace(job.session, decision=decision, checks=(BrightCheck(),))
    manifest = run_scan(dataclasses.replace(job, session=session))
    table = rows(job.out)
    held = [row for row in table if row["label"] == "review"]
    by_check = [row for row in held if "lateral" in row["flags"]]
    assert 0 < len(by_check) < len(held)
    assert manifest.left_by_band == len(held) - len(by_check)


def test_a_report_is_continued_with_its_band_alone(job: ScanJob) -> None:
    """Rows with and without a band never stand in one report, and it is said what helps."""
    run_scan(banded(job))
    assert run_scan(banded(job)).continued_from == 11
    run_scan(job)
    for one, other in ((job, banded(job)), (banded(job), job)):
        with pytest.raises(ReportError, match=r"review band .*use 'cxr relabel'.*--review-band"):
            run_scan(dataclasses.replace(one, out=other.out))


def test_a_band_can_be_put_on_and_taken_off_without_scoring(
    job: ScanJob, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new report has the bytes of the scan's."""
    spec = dataclasses.replace(model.spec, review_band=BAND)
    monkeypatch.setattr("cxr_edge.jobs.relabel.spec_of_report", lambda *_: spec)
    run_scan(job)
    run_scan(banded(job))
    on, off = job.out.with_name("on.csv"), job.out.with_name("off.csv")
    made = relabel(RelabelJob(job.out, on, review_band=True))
    assert made.operating_point == "screening"
    assert on.read_bytes() == banded(job).out.read_bytes()
    relabel(RelabelJob(on, off, operating_point="screening"))
    assert off.read_bytes() == job.out.read_bytes()
    assert "review_band" not in identity(off)


def test_a_scan_asks_the_model_for_its_band(
    cxr: Any, tmp_path: Path, job: ScanJob, spec: ModelSpec
) -> None:
    """A model without one is told before anything is scanned."""
    del job
    words = ("scan", tmp_path / "films", "--review-band", "-o", tmp_path / "r.csv")
    result = cxr(*words, "--model", write_heat_model(tmp_path / "m.onnx", spec))
    assert result.exit_code == 2
    assert "--review-band: expected a model whose spec has a review band" in result.output
    assert not (tmp_path / "r.csv").exists()


def test_a_spec_of_a_site_is_told_to_have_no_band(spec: ModelSpec) -> None:
    """The message speaks of the site's spec and what to do, not of a model to train again."""
    site = SiteFacts(images=1, positives=1, patients=1, data_sha256="0", date="2026-01-31")
    with pytest.raises(UsageError, match=r"that of a site, .*; leave --review-band out, or leave"):
        Decision.of(dataclasses.replace(spec, site=site), review_band=True)


def test_a_damaged_band_in_a_manifest_is_refused(job: ScanJob) -> None:
    """Limits that are none are no reason to relabel."""
    run_scan(banded(job))
    path = manifest_path(banded(job).out)
    data = json.loads(path.read_text())
    for limits in ([0.3], [0.3, 2], "0.3", None):
        data["identity"]["review_band"] = limits
        path.write_text(json.dumps(data))
        with pytest.raises((ReportError, UsageError), match="identity"):
            relabel(RelabelJob(banded(job).out, job.out.with_name("x.csv"), threshold=0.4))
