"""``cxr export --not-chest``: a package whose scans flag other images."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import FakeRuntime

from cxr_edge.errors import DataError, UsageError
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.packaging.check_images import input_statistics
from cxr_export.packaging.export import export_package
from cxr_export.packaging.request import Request


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise in a folder of its kind."""
    folder = tmp_path_factory.mktemp("others") / "static"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(15):
        noise = rng.integers(0, 256, (64, 64), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), noise)
    return folder.parent


@pytest.mark.slow
def test_a_package_with_statistics_withholds_labels(
    run_folder: Path, class_folders: Path, others: Path, tmp_path: Path
) -> None:
    """The artefact carries them: an image of another kind is for review, a chest is labelled."""
    lines: list[str] = []
    request = Request(formats=("onnx",), calibration=(class_folders,), not_chest=(others,))
    exported = export_package(
        run_folder / "model.keras", tmp_path / "p", request=request, tell=lines.append
    )
    assert exported.spec.input_check
    assert "input check, static: 15 of 15 flagged" in lines
    assert "| static | 15 | 15 |" in (tmp_path / "p" / "README.md").read_text("utf-8")
    assert (tmp_path / "p" / "spec.json").stat().st_size < 200_000
    session = Session.open(ScanConfig(str(tmp_path / "p" / "model.onnx"), runtime="onnx"))
    static = session.classifier.classify(others / "static" / "0.png")
    assert isinstance(static, Prediction)
    assert "unlike-training-data" in static.source.flags
    assert static.label == "review"
    chests = [session.classifier.classify(path) for path in sorted(class_folders.rglob("*.png"))]
    labelled = [one for one in chests if isinstance(one, Prediction) and one.label != "review"]
    assert len(labelled) >= 0.95 * len(chests) > 0


def test_statistics_need_images_of_the_hospital(others: Path) -> None:
    """Both folders, or neither."""
    with pytest.raises(UsageError, match="--not-chest: expected --calibration DATA"):
        Request(not_chest=(others,))
    with pytest.raises(UsageError, match="--more-chest: expected --not-chest DIR"):
        Request(more_chest=(others,))


def test_a_folder_without_images_is_named(
    spec: ModelSpec, class_folders: Path, others: Path, tmp_path: Path
) -> None:
    """By its option, since an export has several."""

    class Runtime(FakeRuntime):
        def run(self, pixels: np.ndarray) -> Outputs:
            return replace(super().run(pixels), features=np.ones((len(pixels), 3), np.float32))

    def fit(**folders: object) -> object:
        request = Request(calibration=(class_folders,), **folders)  # type: ignore[arg-type]
        return input_statistics(request, Runtime(spec), spec, tmp_path, lambda _: None)

    for option, folders in (
        ("--not-chest", {"not_chest": (tmp_path,)}),
        ("--more-chest", {"not_chest": (others,), "more_chest": (tmp_path,)}),
    ):
        with pytest.raises(DataError, match=f"{option}: expected readable images, none of 0"):
            fit(**folders)
