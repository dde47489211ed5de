"""The repair search: which attempts are tried, in which order, and what becomes of them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TypeAlias

import numpy as np
import pytest
from fakes import FakeRuntime
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.models.gates import GATES, Gate
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.parity.verdict import Verdict
from cxr_export.quantize import search as module
from cxr_export.quantize.plan import QuantizationPlan
from cxr_export.quantize.search import QuantizationSearch, best_of

Build: TypeAlias = Callable[..., QuantizationSearch]
"""Makes a search over a fake quantizer."""

LAYERS = ("stem", "second", "third", "fourth", "deep", "head")
GUILTY = "deep"


def images(count: int, seed: int) -> ImageSet:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 1, 1, 1), np.uint8).repeat(32, 1).repeat(32, 2)
    listed = [
        LabelledImage(Path(f"{seed}-{number}.png"), number % 2, f"{seed}-{number}")
        for number in range(count)
    ]
    digests = [f"{seed:032x}{number:032x}" for number in range(count)]
    return ImageSet(("NORMAL", "PNEUMONIA"), tuple(listed), pixels, tuple(digests))


@dataclass
class FakeQuantizer:
    """Shifts the probability by what each quantized layer does; the file holds the shift."""

    shifts: dict[str, float]
    precision: Precision = Precision.INT8
    calibrators: tuple[str, ...] = ("minmax", "entropy")
    layers: tuple[str, ...] = LAYERS
    plans: list[QuantizationPlan] = field(default_factory=list)

    def write(self, plan: QuantizationPlan, spec: ModelSpec, path: Path) -> None:
        self.plans.append(plan)
        apart = {*plan.float_layers, *plan.weights_only}
        shift = sum(value for layer, value in self.shifts.items() if layer not in apart)
        size = 100 + 40 * len(plan.float_layers)
        path.write_text(f"{shift}".ljust(size))
        spec.to_json()


class ShiftedRuntime(FakeRuntime):
    """The fake runtime, off by a shift."""

    def __init__(self, spec: ModelSpec, shift: float) -> None:
        super().__init__(spec)
        self.shift = shift

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        return Outputs(np.clip(super().run(pixels).scores + np.float32(self.shift), 0, 1))


@pytest.fixture
def build(spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Return a function that makes a search over a fake quantizer."""

    def opened(path: str, **asked: bool) -> SimpleNamespace:
        del asked
        shift = float(Path(path).read_text())
        return SimpleNamespace(runtime=ShiftedRuntime(spec, shift))

    monkeypatch.setattr(module, "open_artefact", opened)
    source = tmp_path / "float"
    source.write_text("0".ljust(1000))

    def make(quantizer: FakeQuantizer, count: int = 16) -> QuantizationSearch:
        judged = images(200, 1)
        return QuantizationSearch(
            quantizer, source, spec, images(64, 2), judged,
            FakeRuntime(spec).run(judged.pixels), GATES["int8"], count,
        )  # fmt: skip

    return make


def test_the_first_attempt_is_taken_where_it_passes(build: Build, tmp_path: Path) -> None:
    """A good quantization is not tried again."""
    quantizer = FakeQuantizer({GUILTY: 1e-5})
    tried = build(quantizer).run(tmp_path / "out")
    assert [attempt.name for attempt in tried] == ["minmax, 16 images"]
    assert not tried[0].mismatches
    assert len(quantizer.plans) == 1


def test_the_guilty_layer_is_found_and_left_in_float(build: Build, tmp_path: Path) -> None:
    """Every attempt before is tried and recorded; the layer that does the harm is the one kept."""
    lines: list[str] = []
    search = build(FakeQuantizer({"stem": 2e-5, "second": 1e-5, GUILTY: 0.2, "head": 1e-5}))
    tried = search.run(tmp_path / "out", lines.append)
    assert [attempt.name for attempt in tried] == [
        "minmax, 16 images",
        "entropy, 16 images",
        "minmax, 64 images",
        "last layer: weights only",
        "first and last layer: weights only",
        "first 2 layers in float",
        "first 4 layers in float",
        "1 most sensitive in float",
    ]
    assert tried[-1].plan.float_layers == (GUILTY,)
    assert [bool(attempt.mismatches) for attempt in tried] == [True] * 7 + [False]
    assert len(lines) == 8
    assert lines[-1] == "out, 1 most sensitive in float: passed"
    assert tried[-1].plan.weights_only == ("head",)
    assert float((tmp_path / "out").read_text()) == pytest.approx(3e-5)
    assert not list(tmp_path.glob("probe-*"))
    record = tried[0].to_dict()
    assert record["passed"] is False
    assert record["flips"]["screening"] > 1
    assert "image" not in str(record["flips"])


def test_what_never_passes_is_told_with_every_attempt(build: Build, tmp_path: Path) -> None:
    """The last attempt failed too, and each says why."""
    tried = build(FakeQuantizer(dict.fromkeys(LAYERS, 0.2))).run(tmp_path / "out")
    assert all(attempt.mismatches for attempt in tried)
    assert tried[-1].name == "4 most sensitive in float"


def test_the_nearest_is_taken_where_the_images_cannot_tell(build: Build, tmp_path: Path) -> None:
    """Where no attempt passes or fails, that with the fewest changed labels is kept."""
    search = build(FakeQuantizer(dict.fromkeys(LAYERS, 0.004)))
    gate = Gate(None, flips=0.002)  # one of 200 is more, and not for sure
    lines: list[str] = []
    tried = replace(search, gate=gate).run(tmp_path / "out", lines.append)
    kept = best_of(tried)
    assert kept.verdict is Verdict.INCONCLUSIVE
    assert any("inconclusive, " in line for line in lines)
    assert max(map(len, lines)) < 120
    assert not any("would tell" in line for line in lines)  # the remarks on the artefact say it
    assert kept is not tried[-1]
    fewest = min(sum(attempt.comparison.flips.values()) for attempt in tried)
    assert sum(kept.comparison.flips.values()) == fewest
    apart = len({*kept.plan.float_layers, *kept.plan.weights_only})
    assert float((tmp_path / "out").read_text()) == pytest.approx(0.004 * (len(LAYERS) - apart))
    assert kept.to_dict()["verdict"] == "inconclusive"


def test_a_repair_that_gives_up_the_size_is_none(build: Build, tmp_path: Path) -> None:
    """Layers in float bring the file above 30 % of the float one: not taken."""
    quantizer = FakeQuantizer({"third": 0.2, GUILTY: 0.2})
    search = build(quantizer)
    search.source.write_text("0".ljust(400))  # 30 % are 120 bytes, a float layer costs 40
    lines: list[str] = []
    tried = search.run(tmp_path / "out", lines.append)
    sizes = [attempt.size for attempt in tried]
    assert max(sizes) == 260
    too_large = "0.000 MB, allowed 0.000"  # as all of this size
    assert any(too_large in line for attempt in tried for line in attempt.mismatches)
    assert any(f": failed, {too_large}" in line for line in lines)
    assert tried[-1].mismatches


def test_the_spec_lists_what_was_calibrated_with(
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Digests of exactly the images used, sorted, the seed and the calibrator."""
    seen: list[ModelSpec] = []
    quantizer = FakeQuantizer({})
    write = quantizer.write

    def note(plan: QuantizationPlan, spec: ModelSpec, path: Path) -> None:
        seen.append(spec)
        write(plan, spec, path)

    monkeypatch.setattr(quantizer, "write", note)
    search = build(quantizer)
    search.run(tmp_path / "out")
    found = seen[0].quantization
    assert found
    assert found.films == tuple(sorted(search.calibration.sha256[:16]))
    assert (found.calibrator, found.seed, found.precision) == ("minmax", 2021, "int8")
    assert ModelSpec.from_json(seen[0].to_json()) == seen[0]
    assert replace(seen[0], quantization=None) == search.spec


def test_half_precision_has_no_calibration_and_no_weights_only(
    build: Build, tmp_path: Path
) -> None:
    """Its attempts are all layers, then the most sensitive ones in float."""
    quantizer = FakeQuantizer({GUILTY: 0.2, "third": 0.2}, precision=Precision.FP16, calibrators=())
    search = replace(build(quantizer), gate=GATES["fp16"])
    tried = search.run(tmp_path / "out")
    assert [attempt.name for attempt in tried] == [
        "all layers", "first 2 layers in float", "first 4 layers in float",
        "1 most sensitive in float", "2 most sensitive in float",
    ]  # fmt: skip
    assert tried[-1].plan.float_layers == ("third", "deep")
    assert not tried[-1].mismatches
