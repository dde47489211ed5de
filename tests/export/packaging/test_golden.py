"""The golden images that ``cxr export`` puts into a package."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.headers.read import read_header
from cxr_edge.imaging.raster import jpeg_reduction
from cxr_edge.imaging.sniff import Format, identify
from cxr_edge.models.golden_set import read_golden_set
from cxr_edge.models.locate import default_package
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import SELFTEST
from cxr_edge.models.self_test_runs import self_test_all
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.input_spec import InputSpec
from cxr_export.packaging import golden
from cxr_export.packaging.golden import IMAGES, golden_images, write_selftest

pytestmark = pytest.mark.slow


def test_every_way_in_is_exercised() -> None:
    """Each format; 8 and 16 bits, color, MONOCHROME1; reduced JPEG; shrinking and enlarging."""
    data = {path.name: path.read_bytes() for path in IMAGES.iterdir()}
    kinds = {name: identify(image) for name, image in data.items()}
    assert set(kinds.values()) == {Format.JPEG, Format.PNG, Format.TIFF, Format.DICOM}
    spec = InputSpec(224, 224)
    facts = {name: decode(image, spec).source for name, image in data.items()}
    flags = {flag for fact in facts.values() for flag in fact.flags}
    assert flags >= {"color", "fewer-bits"}
    assert b"MONOCHROME1" in data["monochrome1.dcm"]
    header = read_header(data["large.jpg"], Format.JPEG)
    assert jpeg_reduction(header, spec) == 2
    sizes = [(fact.height, fact.width) for fact in facts.values()]
    assert any(height < 224 and width < 224 for height, width in sizes)
    assert any(height > 224 > width for height, width in sizes)
    assert any(height > 224 and width > 224 for height, width in sizes)


def test_the_model_tells_the_golden_images_apart(golden_package: Path) -> None:
    """Were all probabilities alike, a model that says one thing to all would pass."""
    found = read_golden_set(golden_package)
    assert found
    for artefact in found.artefacts.values():
        assert np.ptp(artefact.probabilities) > 0.1


def test_golden_images_of_another_input() -> None:
    """Pixels are of the shape that the model takes, three channels too."""
    for image in golden_images(InputSpec(32, 48, 3)):
        assert image.pixels.shape == (32, 48, 3)


def test_the_set_is_the_same_each_time(golden_package: Path, tmp_path: Path) -> None:
    """Exported twice, the bytes are equal."""
    for name in ("model.onnx", "model.tflite"):
        shutil.copy(golden_package / name, tmp_path)
    write_selftest(tmp_path)
    assert (tmp_path / SELFTEST).read_bytes() == (golden_package / SELFTEST).read_bytes()


def test_a_folder_without_an_artefact_gets_none(tmp_path: Path) -> None:
    """There is nothing to hold a machine against."""
    with pytest.raises(ModelInvalid, match="expected artefacts of one input, got none"):
        write_selftest(tmp_path)


def test_an_artefact_that_gives_no_probability_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package is not made around a model that answers NaN."""
    shutil.copy(default_package() / "model.onnx", tmp_path)
    model = open_artefact(str(tmp_path / "model.onnx"))
    monkeypatch.setattr(type(model.runtime), "run", lambda self, pixels: nan(len(pixels)))
    monkeypatch.setattr(golden, "open_artefact", lambda *_: model)
    with pytest.raises(ModelError, match=r"model\.onnx fails on the golden images"):
        write_selftest(tmp_path)


def nan(count: int) -> Outputs:
    return Outputs(np.full(count, np.nan, np.float32))


@pytest.mark.slow
def test_an_exported_package_passes(package: Path) -> None:
    """A package of cxr export holds golden images of every artefact, listed with the rest."""
    results, absent = self_test_all(package)
    assert not absent
    assert {result.artefact for result in results} >= {"model.onnx", "model.tflite"}
    assert all(result.passed for result in results)
