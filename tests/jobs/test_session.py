"""Sessions: settings that cannot work, and those that change no byte."""

import dataclasses
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import SAMPLES
from heat_model import write_heat_model
from runs import rows, session_of
from statistics_of import statistics

from cxr_edge.errors import ModelInvalid, UsageError
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.models.locate import default_package
from cxr_edge.models.model import Model
from cxr_edge.models.preferred import Preferred
from cxr_edge.models.registry import installed
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.spec.model_spec import ModelSpec

ARTEFACTS = [
    ("onnx", "model.onnx"),
    ("onnx", "model.int8.onnx"),  # its scores differ in the last bit with the size of a batch
    ("openvino", "model.onnx"),
    ("openvino", "model.int8.onnx"),
    ("litert", "model.tflite"),
    ("litert", "model.int8.tflite"),
]


@pytest.fixture(scope="module")
def images(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of links to thirty real images."""
    folder = tmp_path_factory.mktemp("films")
    for number, item in enumerate(islice(discover([real_data / "chest_xray_full"]), 0, 120, 4)):
        (folder / f"{number:03}{item.file.suffix}").symlink_to(item.file)
    return folder


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(("runtime", "artefact"), ARTEFACTS)
def test_the_report_is_the_same_for_every_setting(
    images: Path, tmp_path: Path, runtime: str, artefact: str
) -> None:
    """Workers, batch size and threads leave every byte as one image at a time has it."""
    if not installed(runtime):
        pytest.skip(f"{runtime} is not installed")
    reports = []
    for workers, batch_size, threads in ((1, 1, 1), (3, 7, 1), (2, 32, 2), (5, 4, 3)):
        config = ScanConfig(
            str(default_package() / artefact), runtime=runtime, device="cpu",
            batch_size=batch_size, workers=workers, threads=threads,
        )  # fmt: skip
        out = tmp_path / f"{workers}-{batch_size}-{threads}.csv"
        job = ScanJob.open(config, [images], out)
        assert run_scan(job).counts.ok == 30
        reports.append(out.read_bytes())
    assert all(report == reports[0] for report in reports)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"operating_point": "study", "threshold": 0.5}, "exclude each other"),
        ({"threshold": 1.5}, "^threshold: expected a number from 0 to 1, got 1.5"),
        ({"threshold": -0.1}, "got -0.1"),
        ({"threshold": float("nan")}, "got nan"),
        ({"batch_size": 0}, "^batch_size: expected a whole number from 1 to [0-9]+, got 0"),
        ({"workers": -1}, "^workers: expected a whole number from 1 to [0-9]+, got -1"),
        ({"threads": 0}, "^threads: expected a whole number from 1 to [0-9]+, got 0"),
    ],
)
def test_settings_that_cannot_work_cannot_be_made(settings: dict[str, Any], message: str) -> None:
    """They are refused before a model is opened, by name."""
    with pytest.raises(UsageError, match=message):
        ScanConfig(**settings)


def test_settings_are_numbers_of_pythons_own() -> None:
    """Numbers of NumPy, as in a notebook, are as good, and no threshold is a negative zero."""
    config = ScanConfig(threshold=np.float32(-0.0), batch_size=np.int64(4))  # type: ignore[arg-type]
    assert (repr(config.threshold), type(config.batch_size)) == ("0.0", int)


def test_everything_is_open_in_a_session() -> None:
    """The model of the settings, their threshold, a batch size and the self-test's verdict."""
    session = Session.open(ScanConfig(runtime="onnx", threshold=0.25, workers=3))
    assert (session.model.runtime_name, session.workers) == ("onnx", 3)
    assert (session.decision.threshold, session.decision.operating_point) == (0.25, "custom")
    assert session.batching.size >= 1
    assert session.self_test in ("passed", "passed before")
    assert Session.open(ScanConfig(runtime="onnx", self_test=False)).self_test.startswith("skipped")


def test_a_package_that_lost_an_artefact_is_told_of(
    tested: Path, tmp_path: Path, cxr: Callable[..., Any]
) -> None:
    """A scan warns at every start that it takes another artefact than it would have taken."""
    run = ("scan", SAMPLES / "phantom-normal.jpg", "--model", tested, "--fresh")
    assert "warning" not in cxr(*run, "-o", tmp_path / "r.csv").output
    (tested / "model.onnx").unlink()
    for _ in range(2):
        result = cxr(*run, "-o", tmp_path / "r.csv")
        assert result.exit_code == 0, result.output
        assert (
            f"warning: {tested}: expected the artefacts that SHA256SUMS lists, model.onnx is "
            "missing; model.tflite is used; copy or export the package again\n"
        ) in result.output


def test_a_report_that_is_continued_keeps_its_runtime() -> None:
    """It goes before the fastest, and not before the one that is asked for."""
    opened = Session.open(ScanConfig(runtime="onnx"))
    preferred = Preferred("onnx", opened.model.sha256, 1)
    assert Session.open(ScanConfig(), preferred).model.runtime_name == "onnx"
    if installed("litert"):
        asked = Session.open(ScanConfig(runtime="litert"), preferred)
        assert asked.model.runtime_name == "litert"


def test_one_image_is_classified_as_a_scan_does(tmp_path: Path) -> None:
    """The session's classifier gives the probability that the report has."""
    session = Session.open(ScanConfig(runtime="onnx", self_test=False))
    job = ScanJob([SAMPLES / "phantom-normal.jpg"], tmp_path / "r.csv", session)
    run_scan(job)
    outcome = session.classifier.classify(SAMPLES / "phantom-normal.jpg")
    assert isinstance(outcome, Prediction)
    (row,) = rows(job.out)
    assert row["probability"] == f"{outcome.probability:.6f}"


def test_a_scan_asks_the_sessions_input_checks(model: Model, tmp_path: Path) -> None:
    """A flag that one of them raises is in the report."""

    class Blurred:
        def flags(self, *_: object) -> list[str]:
            return ["multi-frame"]

    session = dataclasses.replace(session_of(model), checks=(Blurred(),))
    job = ScanJob([SAMPLES / "phantom-normal.jpg"], tmp_path / "r.csv", session)
    run_scan(job)
    assert [row["flags"] for row in rows(job.out)] == ["multi-frame"]


def test_a_spec_that_takes_the_check_away_is_told(tmp_path: Path, spec: ModelSpec) -> None:
    """Nobody takes images for checked by the model's statistics because the model has some."""
    checked = dataclasses.replace(spec, input_check=statistics())
    model, given = write_heat_model(tmp_path / "model.onnx", checked), tmp_path / "own.json"
    given.write_text(spec.to_json())
    opened = Session.open(ScanConfig(str(model), spec=given, self_test=False))
    assert [f"{given} has no input_check" in one for one in opened.warnings] == [True]
    given.write_text(checked.to_json())
    with pytest.raises(ModelInvalid, match="expected 3 features"):
        Session.open(ScanConfig(str(model), spec=given, self_test=False))
