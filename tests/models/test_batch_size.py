"""How many images one call of a model takes."""

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeRuntime
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.models import batch_size as module
from cxr_edge.models.batch_size import Batching, choose_batching, drawn_images
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_artefact
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec

pytestmark = pytest.mark.usefixtures("forgetful")


class Timed(FakeRuntime):
    """Takes some milliseconds a call and some an image."""

    provider = "CPUExecutionProvider"

    def __init__(self, spec: ModelSpec, call: float, image: float) -> None:
        super().__init__(spec)
        self.call, self.image = call, image

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        time.sleep((self.call + self.image * len(pixels)) / 1e3)
        return super().run(pixels)


class Sociable(Timed):
    """Its probabilities depend on company in the last bit."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        given = super().run(pixels)
        return Outputs(np.nextafter(given.scores, 1)) if len(pixels) > 1 else given


class Saturated(Timed):
    """Gives every image the same."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        return Outputs(np.ones(len(super().run(pixels)), np.float32))


class OnDevice(Sociable):
    """A runtime on a GPU."""

    provider = "CUDAExecutionProvider"


def packaged(runtime: FakeRuntime, package: Path) -> Model:
    return Model("0" * 64, "onnx", runtime, "model.onnx", package)


def test_the_fastest_size_is_taken_and_remembered(spec: ModelSpec, golden_package: Path) -> None:
    """Where a call costs much and an image little, large batches are faster; measured once."""
    runtime = Timed(spec, call=10, image=0.1)
    first = choose_batching(packaged(runtime, golden_package), None, 2)
    assert first.size == 16
    assert re.fullmatch(
        r"batch size 16 is fastest: [\d.]+ ms per image "
        r"\(batch size 1: 1\d[\d.]* ms, batch size 4: [\d.]+ ms\)",
        first.why,
    )
    runtime.batches.clear()
    assert choose_batching(packaged(runtime, golden_package), None, 2) == first
    assert not runtime.batches


@pytest.mark.parametrize(
    ("times", "size"),
    [
        ({"1": 3, "4": 3.2, "16": 3}, 4),
        ({"1": 3, "4": 3.2, "16": 2.6}, 16),
        ({"1": 3, "4": 3.5}, 1),
        ({"1": 3, "4": 3, "16": 2.9, "64": 2}, 64),
    ],
)
def test_the_usual_batch_need_not_gain(times: dict[str, float | None], size: int) -> None:
    """Four images at a time are the habit where they cost no more; a larger batch must gain."""
    assert module._best(times) == size


@pytest.mark.parametrize("kind", [Sociable, Saturated])
@pytest.mark.parametrize("asked", [None, 8])
def test_company_never_changes_a_bit(
    spec: ModelSpec, golden_package: Path, kind: type[Timed], asked: int | None
) -> None:
    """Where it would, or that cannot be told, images go one by one and the manifest says why."""
    model = packaged(kind(spec, call=10, image=0.1), golden_package)
    chosen = choose_batching(model, asked, 2)
    assert chosen.size == 1
    assert module.INEXACT in chosen.why


def test_what_is_asked_for_is_taken(spec: ModelSpec, golden_package: Path) -> None:
    """A size by hand is not measured."""
    model = packaged(Timed(spec, 0, 0), golden_package)
    assert choose_batching(model, 7, 2) == Batching(7)
    assert choose_batching(model, 1, 2) == Batching(1)


def test_on_a_device_calls_are_padded(spec: ModelSpec, golden_package: Path) -> None:
    """There the shape of a call decides on the last bit, so all calls have the same."""
    model = packaged(OnDevice(spec, call=10, image=0.01), golden_package)
    assert choose_batching(model, 5, 2) == Batching(5, padded=True)
    chosen = choose_batching(model, None, 2)
    assert chosen.padded
    assert chosen.size == module.DEVICE_SIZE


def test_memory_bounds_the_batch(
    spec: ModelSpec, golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a size has taken a good part of what is free, larger ones are not tried."""
    peaks = iter(range(0, 10**12, 10**9))
    monkeypatch.setattr(module, "peak_memory", lambda: next(peaks))
    monkeypatch.setattr(module, "available_memory", lambda: 7 * 10**9)
    runtime = Timed(spec, call=10, image=0.1)
    choose_batching(packaged(runtime, golden_package), None, 2)
    assert max(runtime.batches) == 4


def test_a_size_by_hand_fits_the_memory(
    spec: ModelSpec, golden_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not is refused before a call of it; the message says what this machine can."""
    runtime = Timed(spec, 0, 0)
    monkeypatch.setattr(module, "peak_memory", lambda: 10**7 * sum(runtime.batches))
    monkeypatch.setattr(module, "available_memory", lambda: 10**9)
    model = packaged(runtime, golden_package)
    assert choose_batching(model, 50, 2).size == 50
    runtime.batches.clear()
    with pytest.raises(UsageError, match="from 1 to 50 on this machine, got 51: 2 calls run"):
        choose_batching(model, 51, 2)
    assert max(runtime.batches) <= 4
    monkeypatch.setattr(module, "available_memory", lambda: 0)  # nobody tells
    assert choose_batching(model, 256, 2).size == 256


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (
            {"1": 9.2, "4": 10.3},
            "batch size 1 is fastest: 9.2 ms per image (batch size 4: 10.3 ms)",
        ),
        (
            {"1": 9, "4": 8},
            "batch size 4 is fastest: 8 ms per image (batch size 1: 9 ms)",
        ),
        (
            {"1": 8.5, "4": 9},
            "batch size 4 is nearly the fastest: 9 ms per image (batch size 1: 8.5 ms)",
        ),
        (
            {"1": 9.2, "4": 3.0, "16": None},
            f"batch size 4 is fastest: 3 ms per image (batch size 1: 9.2 ms); {module.INEXACT}",
        ),
        (
            {"1": 9.2, "4": None},
            f"batch size 1: {module.INEXACT}",
        ),
        (
            {"1": 9.001, "4": 9.04},
            "batch size 4 is nearly the fastest: 9.04 ms per image (batch size 1: 9.001 ms)",
        ),
        ({"1": 9.2}, "batch size 1: larger batches need too much memory"),
    ],
)
def test_the_reason_is_plain(times: dict[str, float | None], why: str) -> None:
    """Every number stands right after its name, and what was not tried says why."""
    assert module._reason(times) == why


def test_remembered_rubbish_is_measured_again(spec: ModelSpec, golden_package: Path) -> None:
    """A record that others wrote into the cache folder is not believed."""
    model = packaged(Timed(spec, 0, 1), golden_package)
    for rubbish in ("fast", {"1": "quick"}, {"4": 1.0}, {"1": 2.0, "many": 1.0}):
        assert module._usable(rubbish) is None
    assert choose_batching(replace(model, package=None), None, 2).size == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_drawn_images_fit_and_differ(channels: int) -> None:
    """They have the model's shape, and each has other pixels."""
    images = drawn_images(InputSpec(height=60, width=50, channels=channels), 4)
    assert images.shape == (4, 60, 50, channels)
    assert len({image.tobytes() for image in images}) == 4
    assert (images == drawn_images(InputSpec(height=60, width=50, channels=channels), 4)).all()


@pytest.mark.slow
def test_the_embedded_model_is_measured_for_real() -> None:
    """Its images are alike to the last bit in every company, so a size by hand is obeyed."""
    model = open_artefact(threads=1)
    assert choose_batching(model, 3, 1).size == 3
    assert choose_batching(model, None, 1).why.startswith("batch size ")
