"""What a report holds does not depend on how it was computed."""

from itertools import islice
from pathlib import Path

import pytest

from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import choose_batching
from cxr_edge.models.locate import default_package
from cxr_edge.models.open import open_model
from cxr_edge.models.registry import installed
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import discover

pytestmark = [pytest.mark.slow, pytest.mark.data]

ARTEFACTS = [
    ("onnx", "model.onnx"),
    ("onnx", "model.int8.onnx"),  # company changes the last bit of what it gives
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


@pytest.mark.parametrize(("runtime", "artefact"), ARTEFACTS)
def test_the_report_is_the_same_for_every_setting(
    images: Path, tmp_path: Path, runtime: str, artefact: str
) -> None:
    """Workers, images a call and threads a call leave every byte as one at a time has it."""
    if not installed(runtime):
        pytest.skip(f"{runtime} is not installed")
    reports = []
    for workers, batch_size, threads in ((1, 1, 1), (3, 7, 1), (2, 32, 2), (5, 4, 3)):
        model = open_model(
            str(default_package() / artefact), runtime, device="cpu", threads=threads
        )
        batching = choose_batching(model, batch_size, workers)
        out = tmp_path / f"{workers}-{batch_size}-{threads}.csv"
        job = ScanJob([images], out, model, Decision.of(model.spec), batching=batching,
                      workers=workers, threads=threads)  # fmt: skip
        assert run_scan(job).counts.ok == 30
        reports.append(out.read_bytes())
    assert all(report == reports[0] for report in reports)
