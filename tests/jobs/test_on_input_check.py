"""Answers of a scan to images that the input check says should not be scored."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from fakes import SAMPLES, FakeRuntime
from heat_model import write_heat_model
from image_folders import write_ward
from runs import rows, session_of
from statistics_of import statistics

from cxr_edge.cli.run_display import input_check_line
from cxr_edge.errors import ReportError, UsageError
from cxr_edge.imaging.image import FLAGS, VERDICTS, SourceFacts
from cxr_edge.jobs.relabel import RelabelJob, relabel
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.models.model import Model
from cxr_edge.pipeline.decision import Decision
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.run_manifest import preferred_by
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.on_input_check import OnInputCheck


class DarkCheck:
    """Says of dark images that they are no chest X-rays, and of all that they are small."""

    def flags(self, pixels: np.ndarray, source: SourceFacts, features: object) -> Sequence[str]:
        del source, features
        return ("not-a-chest-film", "small") if pixels.mean() < 110 else ("small",)


@pytest.fixture
def job(tmp_path: Path, phantoms: ModuleType, model: Model) -> ScanJob:
    images = write_ward(tmp_path / "films", phantoms)
    session = dataclasses.replace(session_of(model, workers=1), checks=(DarkCheck(),))
    return ScanJob([images], tmp_path / "flag.csv", session)


def answering(job: ScanJob, answer: str) -> ScanJob:
    """Return the same scan with an answer."""
    decision = dataclasses.replace(job.session.decision, on_input_check=OnInputCheck(answer))
    session = dataclasses.replace(job.session, decision=decision)
    return dataclasses.replace(job, session=session, out=job.out.with_name(f"{answer}.csv"))


def identity(report: Path) -> dict[str, Any]:
    return dict(json.loads(manifest_path(report).read_text())["identity"])


def is_bad(row: dict[str, str]) -> bool:
    return not VERDICTS.isdisjoint(row["flags"].split(";"))


def test_review_withholds_the_label_and_keeps_the_probability(job: ScanJob) -> None:
    """Nothing else in the rows changes, and other flags withhold nothing."""
    run_scan(job)
    manifest = run_scan(answering(job, "review"))
    before, after = rows(job.out), rows(job.out.with_name("review.csv"))
    bad = [row for row in before if is_bad(row)]
    assert 0 < len(bad) < sum(row["status"] == "ok" for row in before)
    for old, new in zip(before, after, strict=True):
        assert new == (old | {"label": "review"} if is_bad(old) else old)
    assert manifest.counts.should_not_be_scored == len(bad)
    assert f": {len(bad)} images that should not be scored, labelled review" in input_check_line(
        manifest
    )
    assert identity(job.out.with_name("review.csv"))["on_input_check"] == "review"
    assert "on_input_check" not in identity(job.out)


def test_fail_gives_no_probability(job: ScanJob) -> None:
    """The row has a stable reason, and a sentence that names the flags."""
    run_scan(job)
    manifest = run_scan(answering(job, "fail"))
    bad = {row["path"] for row in rows(job.out) if is_bad(row)}
    failed = {row["path"]: row for row in rows(job.out.with_name("fail.csv"))}
    for path in bad:
        row = failed[path]
        assert (row["status"], row["reason"]) == ("failed", "input-check")
        assert not row["probability"]
        assert not row["label"]
        assert "not-a-chest-film" in row["detail"]
    assert manifest.counts.reasons["input-check"] == len(bad)
    assert input_check_line(manifest).endswith(", failed")


def test_a_report_is_continued_with_its_answer_alone(job: ScanJob) -> None:
    """Another one is refused; without one the scan goes on as it was started."""
    run_scan(answering(job, "review"))
    assert run_scan(answering(job, "review")).continued_from == 11
    with pytest.raises(ReportError, match=r"on input check review, now flag\); leave --on-input"):
        run_scan(dataclasses.replace(job, out=job.out.with_name("review.csv")))
    run_scan(job)
    preferred = [preferred_by(job.out.with_name(name)) for name in ("flag.csv", "review.csv")]
    assert [one and one.on_input_check for one in preferred] == ["flag", "review"]


def test_a_report_is_continued_with_its_statistics_alone(job: ScanJob) -> None:
    """Rows of one report are checked by the same rules, also where the model is the same file."""

    class Runtime(FakeRuntime):
        def run(self, pixels: np.ndarray) -> Outputs:
            given = super().run(pixels)
            return dataclasses.replace(given, features=np.ones((len(pixels), 3), np.float32))

    def checking(most: float) -> ScanJob:
        spec = dataclasses.replace(job.session.model.spec, input_check=statistics(most=most))
        session = session_of(Model("0", "fake", Runtime(spec)), workers=1)
        return dataclasses.replace(job, session=session, out=job.out.with_name("own.csv"))

    run_scan(checking(4.0))
    assert run_scan(checking(4.0)).continued_from == 11
    with pytest.raises(ReportError, match=r"other settings \(input statistics [0-9a-f]{64}, now"):
        run_scan(checking(5.0))
    made = job.out.with_name("made.csv")
    relabel(RelabelJob(checking(4.0).out, made, threshold=0.43))
    assert identity(made)["input_statistics"] == statistics(most=4.0).digest


def test_a_setting_that_only_a_newer_version_knows_is_told(job: ScanJob) -> None:
    """A report is not continued without it as if it had never been."""
    run_scan(job)
    manifest = json.loads(manifest_path(job.out).read_text())
    manifest["identity"]["shade"] = "dark"
    manifest_path(job.out).write_text(json.dumps(manifest))
    with pytest.raises(ReportError, match=r"other settings \(shade dark, now none\)"):
        run_scan(job)


def test_relabel_keeps_the_answer(job: ScanJob) -> None:
    """The new report has the bytes of the scan's."""
    run_scan(answering(job, "review"))
    scanned = answering(job, "review")
    decision = dataclasses.replace(
        scanned.session.decision, threshold=0.43, operating_point="custom"
    )
    session = dataclasses.replace(scanned.session, decision=decision)
    run_scan(dataclasses.replace(scanned, session=session, out=job.out.with_name("other.csv")))
    made = job.out.with_name("made.csv")
    relabel(RelabelJob(job.out.with_name("review.csv"), made, threshold=0.43))
    assert made.read_bytes() == job.out.with_name("other.csv").read_bytes()
    assert identity(made)["on_input_check"] == "review"


def test_review_is_the_answer_unless_another_is_asked_for(tmp_path: Path, spec: ModelSpec) -> None:
    """A new report withholds labels; the summary says that a model has no statistics."""
    model = str(write_heat_model(tmp_path / "m.onnx", spec))
    opened = Session.open(ScanConfig(model=model))
    assert opened.decision.on_input_check is OnInputCheck.REVIEW
    asked = Session.open(ScanConfig(model=model, on_input_check="flag"))
    assert asked.decision.on_input_check is OnInputCheck.FLAG
    manifest = run_scan(ScanJob([SAMPLES / "phantom-normal.jpg"], tmp_path / "r.csv", opened))
    wanted = "input check (rules alone, the model has no statistics): 0 images that should not"
    assert input_check_line(manifest).startswith(wanted)
    with pytest.raises(UsageError, match="on_input_check: expected flag, review, fail, got 'no'"):
        ScanConfig(on_input_check="no")


def test_a_class_called_review_stays_a_class(model: Model) -> None:
    """Its model labels all images, and is refused where labels are to be withheld."""
    spec = dataclasses.replace(model.spec, labels=("fine", "review"))
    with pytest.raises(UsageError, match=r"--on-input-check review: .* calls a class 'review'"):
        Decision.of(spec, on_input_check=OnInputCheck.REVIEW)


def test_every_verdict_is_a_flag() -> None:
    """No answer waits for a flag that is never given."""
    assert set(FLAGS) >= VERDICTS
