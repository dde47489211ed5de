"""The repair ladder: which rungs are tried, in which order, and what becomes of them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TypeAlias

import numpy as np
import pytest
from fakes import FakeRuntime
from numpy.typing import NDArray

from cxr_edge.models.gates import GATES
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.parity.images import Image, Images
from cxr_export.quantize import search as module
from cxr_export.quantize.plan import Plan
from cxr_export.quantize.search import Ladder

Build: TypeAlias = Callable[..., Ladder]
"""Makes a ladder over a fake quantizer."""

LAYERS = ("stem", "second", "third", "fourth", "deep", "head")
GUILTY = "deep"


def images(count: int, seed: int) -> Images:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 1, 1, 1), np.uint8).repeat(32, 1).repeat(32, 2)
    listed = [
        Image(ImageItem(f"{seed}-{number}.png", ""), number % 2, f"{seed}-{number}")
        for number in range(count)
    ]
    digests = [f"{seed:032x}{number:032x}" for number in range(count)]
    return Images(tuple(listed), pixels, tuple(digests))


@dataclass
class FakeQuantizer:
    """Shifts the probability by what each quantized layer does; the file holds the shift."""

    shifts: dict[str, float]
    precision: str = "int8"
    calibrators: tuple[str, ...] = ("minmax", "entropy")
    layers: tuple[str, ...] = LAYERS
    plans: list[Plan] = field(default_factory=list)

    def write(self, plan: Plan, spec: ModelSpec, path: Path) -> None:
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
    """Return a function that makes a ladder over a fake quantizer."""

    def opened(path: str) -> SimpleNamespace:
        shift = float(Path(path).read_text())
        return SimpleNamespace(runtime=ShiftedRuntime(spec, shift))

    monkeypatch.setattr(module, "open_model", opened)
    source = tmp_path / "float"
    source.write_text("0".ljust(1000))

    def make(quantizer: FakeQuantizer, count: int = 16) -> Ladder:
        judged = images(200, 1)
        return Ladder(
            quantizer, source, spec, images(64, 2), judged,
            FakeRuntime(spec).run(judged.pixels).scores, GATES["int8"], count,
        )  # fmt: skip

    return make


def test_the_first_rung_is_taken_where_it_passes(build: Build, tmp_path: Path) -> None:
    """A good quantization is not tried again."""
    quantizer = FakeQuantizer({GUILTY: 1e-5})
    tried = build(quantizer).climb(tmp_path / "out")
    assert [rung.name for rung in tried] == ["minmax, 16 images"]
    assert not tried[0].mismatches
    assert len(quantizer.plans) == 1


def test_the_guilty_layer_is_found_and_left_in_float(build: Build, tmp_path: Path) -> None:
    """Every rung before is tried and recorded; the layer that does the harm is the one kept."""
    lines: list[str] = []
    ladder = build(FakeQuantizer({"stem": 2e-5, "second": 1e-5, GUILTY: 0.2, "head": 1e-5}))
    tried = ladder.climb(tmp_path / "out", lines.append)
    assert [rung.name for rung in tried] == [
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
    assert [bool(rung.mismatches) for rung in tried] == [True] * 7 + [False]
    assert len(lines) == 8
    assert lines[-1] == "out, 1 most sensitive in float: passed"
    assert tried[-1].plan.weights_only == ("head",)
    assert float((tmp_path / "out").read_text()) == pytest.approx(3e-5)
    assert not list(tmp_path.glob("probe-*"))
    record = tried[0].to_dict()
    assert record["passed"] is False
    assert record["flips"]["screening"] > 1
    assert "film" not in str(record["flips"])


def test_what_never_passes_is_told_with_every_rung(build: Build, tmp_path: Path) -> None:
    """The last rung failed too, and each says why."""
    tried = build(FakeQuantizer(dict.fromkeys(LAYERS, 0.2))).climb(tmp_path / "out")
    assert all(rung.mismatches for rung in tried)
    assert tried[-1].name == "4 most sensitive in float"


def test_a_repair_that_gives_up_the_size_is_none(build: Build, tmp_path: Path) -> None:
    """Layers in float bring the file above 30 % of the float one: not taken."""
    quantizer = FakeQuantizer({"third": 0.2, GUILTY: 0.2})
    ladder = build(quantizer)
    ladder.source.write_text("0".ljust(400))  # 30 % are 120 bytes, a float layer costs 40
    tried = ladder.climb(tmp_path / "out")
    sizes = [rung.size for rung in tried]
    assert max(sizes) == 260
    assert any("260 bytes, allowed 120" in line for rung in tried for line in rung.mismatches)
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

    def note(plan: Plan, spec: ModelSpec, path: Path) -> None:
        seen.append(spec)
        write(plan, spec, path)

    monkeypatch.setattr(quantizer, "write", note)
    ladder = build(quantizer)
    ladder.climb(tmp_path / "out")
    found = seen[0].quantization
    assert found
    assert found.images == tuple(sorted(ladder.calibration.sha256[:16]))
    assert (found.calibrator, found.seed, found.precision) == ("minmax", 2021, "int8")
    assert ModelSpec.from_json(seen[0].to_json()) == seen[0]
    assert replace(seen[0], quantization=None) == ladder.spec


def test_half_precision_has_no_calibration_and_no_weights_only(
    build: Build, tmp_path: Path
) -> None:
    """Its rungs are all layers, then the most sensitive ones in float."""
    quantizer = FakeQuantizer({GUILTY: 0.2, "third": 0.2}, precision="fp16", calibrators=())
    ladder = replace(build(quantizer), gate=GATES["fp16"])
    tried = ladder.climb(tmp_path / "out")
    assert [rung.name for rung in tried] == [
        "all layers", "first 2 layers in float", "first 4 layers in float",
        "1 most sensitive in float", "2 most sensitive in float",
    ]  # fmt: skip
    assert tried[-1].plan.float_layers == ("third", "deep")
    assert not tried[-1].mismatches
