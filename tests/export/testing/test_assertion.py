"""Models of all kinds against each other, as a project's own tests do it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from fakes import SAMPLES, FakeRuntime
from keras import layers
from onnx import numpy_helper

from cxr_edge.datasets.image_set import load_images
from cxr_edge.errors import (
    CxrError,
    DataError,
    ModelInvalid,
    ParityError,
    SpecInvalid,
    SpecMissing,
    UsageError,
)
from cxr_edge.models.checksums import write_checksums
from cxr_edge.models.gates import Gate
from cxr_edge.models.locate import default_package
from cxr_edge.models.open import open_artefact
from cxr_edge.runtimes.base import Outputs, Scores
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.quantization import Quantization
from cxr_export.parity.images import list_parity_images
from cxr_export.quantize.onnx_int8 import OnnxInt8
from cxr_export.quantize.plan import MINMAX, QuantizationPlan
from cxr_export.quantize.quiet import quiet
from cxr_export.testing.assertion import ParityAssertionError, assert_parity

pytestmark = pytest.mark.xdist_group("assertion")

SIDE = 24
POINTS = (OperatingPoint("screening", 0.4), OperatingPoint("study", 0.5))
SPEC = ModelSpec(
    "other",
    ("NORMAL", "PNEUMONIA"),
    InputSpec(SIDE, SIDE, 3, scale=1 / 127.5, offset=-1.0),
    POINTS,
    "screening",
)
FILES = ("m.keras", "m.h5", "m.onnx", "m.tflite", "saved")


def network(batch: int | None = None) -> keras.Model:
    """Build what somebody else might have: floats from -1 to 1, RGB, two columns."""
    keras.utils.set_random_seed(4)
    image = keras.Input(batch_shape=(batch, SIDE, SIDE, 3))
    found = layers.Flatten()(layers.Conv2D(4, 5, strides=3, activation="relu")(image))
    return keras.Model(image, layers.Dense(2, activation="softmax")(found))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    """Ten phantoms of each class."""
    folder = tmp_path_factory.mktemp("images")
    phantoms.write_classes(folder, 10, 48)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network in every format that may be compared, none with a spec inside."""
    folder, model = tmp_path_factory.mktemp("models"), network()
    model(np.zeros((1, SIDE, SIDE, 3), np.float32))
    with quiet():
        model.save(folder / "m.keras")
        model.save(folder / "m.h5")
        model.export(folder / "saved", verbose=False)
        model.export(folder / "m.onnx", format="onnx", verbose=False)
        model.export(folder / "m.tflite", format="litert", verbose=False)
    (folder / "spec.json").write_text(SPEC.to_json())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("reference", FILES)
def test_every_format_is_reference_and_candidate(
    models: Path, images: Path, reference: str
) -> None:
    """Whatever the file, the same network gives the same decisions, read by one spec."""
    for candidate in FILES:
        found = assert_parity(models / reference, models / candidate, images, spec=SPEC)
        (only,) = found.candidates
        assert (found.reference, only.candidate) == (reference, candidate)
        assert only.comparison
        assert only.comparison.max_difference < 1e-5
        assert only.comparison.flips == {"screening": 0, "study": 0}
        assert set(only.batches) == {2, 7, 32}
        assert len(found.images.images) == 20
        assert sorted(found.images.labels) == [0] * 10 + [1] * 10


@pytest.mark.slow
def test_text_is_a_path_too(models: Path, images: Path) -> None:
    """Models, images and spec may be named by text, images by several names."""
    found = assert_parity(
        str(models / "m.onnx"),
        str(models / "m.tflite"),
        [str(images / "NORMAL"), str(images / "PNEUMONIA")],
        spec=str(models / "spec.json"),
        images=6,
    )
    assert sorted(found.images.labels) == [0, 0, 0, 1, 1, 1]


@pytest.mark.slow
def test_one_image_at_a_time_is_compared(models: Path, images: Path, tmp_path: Path) -> None:
    """A model of a fixed batch of one passes, in batches of any size."""
    alone = network(batch=1)
    alone.export(tmp_path / "alone.tflite", format="litert", verbose=False)
    found = assert_parity(models / "m.keras", tmp_path / "alone.tflite", images, spec=SPEC)
    assert max(found.candidates[0].batches.values()) == 0


def damaged(path: Path, out: Path) -> Path:
    """Change one weight of an ONNX graph."""
    model = onnx.load(path)
    weight = next(t for t in model.graph.initializer if len(t.dims) == 4)
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] += 0.5
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, out)
    return out


@pytest.mark.slow
def test_one_changed_weight_is_told(models: Path, images: Path, tmp_path: Path) -> None:
    """The error is an assertion for pytest and a failed gate for us, and holds the figures."""
    candidate = damaged(models / "m.onnx", tmp_path / "damaged.onnx")
    with pytest.raises(AssertionError, match=r"damaged\.onnx: \|Δp\| .* allowed 0\.0001") as raised:
        assert_parity(models / "m.keras", candidate, images, spec=SPEC)
    assert isinstance(raised.value, ParityError)
    assert isinstance(raised.value, ParityAssertionError)
    (only,) = raised.value.parity.candidates
    assert only.comparison
    assert only.comparison.max_difference > 1e-4
    assert raised.value.parity.rows[0]["verdict"] == "FAILED"


@pytest.mark.slow
def test_swapped_labels_in_the_candidates_spec_are_told(models: Path, images: Path) -> None:
    """Equal probabilities do not help where they mean the other class."""
    swapped = replace(SPEC, labels=("PNEUMONIA", "NORMAL"))
    with pytest.raises(ParityAssertionError, match=r"m\.onnx: labels: NORMAL, PNEUMONIA in"):
        assert_parity(
            models / "m.keras", models / "m.onnx", images, spec=SPEC, candidate_spec=swapped
        )


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0.0), (1.0, -114.0), (0.114 / 127.5, -1)])
def test_other_preprocessing_is_told(
    models: Path, images: Path, scale: float, offset: float
) -> None:
    """Zero to one, a mean of BGR taken off, gray weighed as blue: all give other probabilities."""
    spec = replace(SPEC, input=replace(SPEC.input, scale=scale, offset=offset))
    with pytest.raises(ParityAssertionError, match=r"m\.tflite: \|Δp\|"):
        assert_parity(
            models / "m.keras", models / "m.tflite", images, spec=SPEC, candidate_spec=spec
        )


@pytest.mark.slow
def test_every_artefact_of_a_package_is_a_candidate(
    package: Path, run_folder: Path, class_folders: Path, tmp_path: Path
) -> None:
    """Its Keras model too, where the reference is another; the error lists all that fail."""
    found = assert_parity(run_folder / "model.keras", package, class_folders)
    names = ["package/model.keras", "package/model.onnx", "package/model.tflite"]
    assert [each.candidate for each in found.candidates] == names
    assert [each.candidate for each in assert_parity(package, package, SAMPLES).candidates] == (
        names[1:]
    )
    copy = tmp_path / "package"
    shutil.copytree(package, copy)
    damaged(copy / "model.onnx", copy / "model.onnx")
    with pytest.raises(ModelInvalid, match=r"model\.onnx was changed"):
        assert_parity(copy, copy, class_folders)
    write_checksums(copy)
    with pytest.raises(ParityAssertionError) as raised:
        assert_parity(copy, copy, class_folders, difference=1e-12)
    for name in ("model.onnx", "model.tflite"):
        assert f"package/{name}: |Δp|" in str(raised.value)


@pytest.mark.slow
def test_a_package_needs_no_spec_beside_a_foreign_reference(
    models: Path, images: Path, tmp_path: Path, cxr: Callable[..., Any]
) -> None:
    """The spec of the reference is not put upon artefacts that have their own."""
    words = ("-o", tmp_path / "p", "--spec", models / "spec.json", "--formats", "onnx,tflite")
    result = cxr("export", models / "m.h5", *words)
    assert result.exit_code == 0, result.output
    found = assert_parity(models / "m.h5", tmp_path / "p", images, spec=models / "spec.json")
    assert len(found.candidates) == 3


@pytest.mark.slow
def test_int8_calibrated_on_noise_is_told(
    package: Path, class_folders: Path, tmp_path: Path
) -> None:
    """Judged by the gate of int8, as the artefact's spec says, with room for a rough network."""
    spec = replace(open_artefact(str(package)).spec, quantization=Quantization("int8"))
    listed = list_parity_images([class_folders], spec.labels)
    real = load_images(listed, spec.labels, spec.input).pixels[::3]
    noise = np.random.default_rng(0).integers(120, 136, real.shape, np.uint8)
    room: dict[str, Any] = {"flips": 0.2, "auc_loss": 0.1, "sensitivity_loss": 0.2}
    for name, pixels in (("good", real), ("bad", noise)):
        (tmp_path / name).mkdir()
        quantizer = OnnxInt8(package / "model.onnx", pixels, tmp_path / name)
        quantizer.write(QuantizationPlan(MINMAX, len(pixels)), spec, tmp_path / f"{name}.onnx")
    found = assert_parity(package, tmp_path / "good.onnx", class_folders, **room)
    (only,) = found.candidates
    assert only.precision == "int8"
    assert only.comparison
    assert only.comparison.gate == Gate(
        None, 0.2, 0.1, 0.2, map_correlation=0.95, feature_correlation=0.985
    )
    assert only.comparison.map_correlation is not None
    assert only.comparison.max_difference > 1e-4
    with pytest.raises(ParityAssertionError, match=r"bad\.onnx: .*allowed"):
        assert_parity(package, tmp_path / "bad.onnx", class_folders, **room)
    with pytest.raises(ParityAssertionError, match=r"good\.onnx: \|Δp\|"):
        assert_parity(package, tmp_path / "good.onnx", class_folders, gate="fp32")


class Other(FakeRuntime):
    """The fake with one thing wrong."""

    def __init__(self, spec: ModelSpec, wrong: Callable[[Scores], Scores]) -> None:
        super().__init__(spec)
        self.wrong = wrong

    def run(self, pixels: np.ndarray) -> Outputs:
        return Outputs(self.wrong(super().run(pixels).scores))


class Strict(FakeRuntime):
    """The fake, but for pixels that its spec does not name."""

    def run(self, pixels: np.ndarray) -> Outputs:
        assert pixels.shape[1:] == self.spec.input.shape
        return super().run(pixels)


def rising(spec: ModelSpec, count: int = 40) -> np.ndarray:
    """Images from dark to bright, so that the fake's probability rises from 0.1 to 0.9."""
    gray = np.linspace(25, 230, count).astype(np.uint8)
    return np.broadcast_to(gray[:, None, None, None], (count, *spec.input.shape)).copy()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p: p + np.float32(2e-4), r"fake: \|Δp\| 2\.00e-04 on image \d+, allowed 0\.0001"),
        (lambda p: 1 - p, "fake: 30 of 40 labels differ at screening, allowed 0.0%"),
        (lambda p: p * np.float32("nan"), "fake: no probability on image 0"),
        (lambda p: p + np.float32(5e-4) * (len(p) == 7), r"batches of 7 and 1 differ by 5\..e-04"),
    ],
)
def test_what_a_runtime_gives_otherwise_is_told(
    spec: ModelSpec, wrong: Callable[[Scores], Scores], message: str
) -> None:
    """Probabilities, labels, what is no number, and batches of another size."""
    with pytest.raises(ParityAssertionError, match=message):
        assert_parity(FakeRuntime(spec), Other(spec, wrong), rising(spec))


def test_gates_are_the_callers(spec: ModelSpec) -> None:
    """A gate, a precision's name, or single limits on top of either."""
    near = Other(spec, lambda p: p + np.float32(2e-4))
    pixels = rising(spec)
    for limits in (
        {"gate": "fp16"},
        {"gate": Gate(1e-3, flips=0.0)},
        {"difference": 1e-3},
        {"gate": Gate(1e-9, flips=0.0), "difference": 1e-3},
    ):
        assert assert_parity(FakeRuntime(spec), near, pixels, **limits).passed
    uneven = Other(spec, lambda p: p + np.float32(5e-4) * (len(p) == 7))
    assert assert_parity(FakeRuntime(spec), uneven, pixels, batch_difference=1e-3).passed
    with pytest.raises(ParityAssertionError, match=r"allowed 1e-09"):
        assert_parity(FakeRuntime(spec), near, pixels, gate="fp16", difference=1e-9)


def test_another_threshold_is_told(spec: ModelSpec) -> None:
    """Operating points are compared by name and threshold, and which of them is the default."""
    points = (OperatingPoint("screening", 0.3), OperatingPoint("study", 0.5))
    other = replace(spec, operating_points=points, default_operating_point="study")
    with pytest.raises(ParityAssertionError) as raised:
        assert_parity(FakeRuntime(spec), FakeRuntime(other), rising(spec))
    assert "operating points: screening 0.4, study 0.5 in the spec of the reference" in str(
        raised.value
    )
    assert "default operating point: screening in the spec" in str(raised.value)


def test_another_size_is_told_and_other_channels_are_not(spec: ModelSpec) -> None:
    """Three channels of the same gray are the same image, fewer rows are not."""
    rgb = replace(spec, input=InputSpec(32, 32, 3))
    for pair in ((spec, rgb), (rgb, spec)):
        assert assert_parity(*map(Strict, pair), rising(pair[0])).passed
    small = FakeRuntime(replace(spec, input=InputSpec(16, 32)))
    with pytest.raises(ParityAssertionError, match="input: 32x32, recipe cxr-1 in") as raised:
        assert_parity(FakeRuntime(spec), small, rising(spec))
    assert raised.value.parity.candidates[0].comparison is None


@pytest.mark.slow
def test_the_embedded_model_has_a_name() -> None:
    """``default`` is a reference and, with every artefact, a candidate."""
    # Drawn images stand near the threshold, so that int8 may label them otherwise.
    found = assert_parity("default", "default", SAMPLES, images=4, flips=1)
    assert found.reference == "default"
    assert found.candidates[0].candidate == "default/model.onnx"
    only = assert_parity(default_package() / "model.onnx", "default", SAMPLES, images=4, flips=1)
    assert only.candidates[0].candidate == "default/model.keras"


def test_files_that_cannot_be_read_are_counted(spec: ModelSpec) -> None:
    """Nobody is told of nine images where seven were compared."""
    found = assert_parity(FakeRuntime(spec), FakeRuntime(spec), SAMPLES)
    assert (len(found.images.images), len(found.images.unreadable)) == (7, 2)
    assert found.rows[0]["images"] == "7 of 9"


def without_spec(folder: Path) -> Path:
    network().save(folder / "m.keras")
    return folder / "m.keras"


MISTAKES: dict[str, tuple[dict[str, Any], type[CxrError], str]] = {
    "no reference": ({"reference": "no.onnx"}, UsageError, "reference: .* no.onnx does not exist"),
    "no candidate": ({"candidate": "no.onnx"}, UsageError, "candidate: .* no.onnx does not exist"),
    "no images": ({"data": "no"}, UsageError, "no does not exist"),
    "empty folder": ({"data": "."}, DataError, "got none in the folders given"),
    "no pixels": ({"data": np.zeros((0, 32, 32, 1), np.uint8)}, DataError, "got no image"),
    "floats": (
        {"data": np.zeros((2, 32, 32, 1))},
        UsageError,
        r"expected pixels \(N, 32, 32, 1\) uint8, got \(2, 32, 32, 1\) float64",
    ),
    "other pixels": ({"data": np.zeros((2, 8, 8, 1), np.uint8)}, UsageError, r"\(2, 8, 8, 1\)"),
    "gate": ({"gate": "int4"}, UsageError, "one of fp32, fp16, int8, dynamic, got 'int4'"),
    "spec": ({"spec": "no.json"}, UsageError, "spec: .* no.json does not exist"),
    "bad spec": ({"spec": "bad.json"}, SpecInvalid, "expected JSON"),
    "spec of a runtime": ({"candidate_spec": SPEC}, UsageError, "a Runtime, which has its own"),
    "a Keras model": ({"candidate": network()}, UsageError, "got Functional; .*KerasRuntime"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_no_failed_assertion(
    spec: ModelSpec, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad input has the error that every command has, with what to do."""
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("no spec")
    runtime = FakeRuntime(spec)
    given, error, message = MISTAKES[name]
    with pytest.raises(error, match=message) as raised:
        assert_parity(**{"reference": runtime, "candidate": runtime, "data": rising(spec), **given})
    assert not isinstance(raised.value, AssertionError)


def test_a_reference_without_a_spec_asks_for_one(tmp_path: Path, spec: ModelSpec) -> None:
    """By the name of the argument; with a spec inside none is needed."""
    path = without_spec(tmp_path)
    with pytest.raises(SpecMissing, match=r"m\.keras: .* describe it with spec="):
        assert_parity(path, FakeRuntime(spec), SAMPLES)
    append_spec(path, SPEC)
    assert assert_parity(path, path, SAMPLES).passed
