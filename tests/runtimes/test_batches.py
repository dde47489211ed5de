"""Images through a runtime in batches."""

import numpy as np
import pytest
from fakes import FakeRuntime
from numpy.typing import NDArray

from cxr_edge.runtimes.base import Outputs
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec


class Explaining(FakeRuntime):
    """The fake with maps and features of each image."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        scores = super().run(pixels).scores
        return Outputs(scores, np.tile(scores[:, None, None], (1, 2, 2)), scores[:, None])


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (7, 32, 32, 1), np.uint8)


@pytest.mark.parametrize(("size", "batches"), [(3, [3, 3, 1]), (7, [7]), (32, [7]), (1, [1] * 7)])
def test_batches_give_what_one_call_gives(
    spec: ModelSpec, pixels: NDArray[np.uint8], size: int, batches: list[int]
) -> None:
    """Every image is scored once and keeps its place, in batches of the size asked for."""
    runtime = FakeRuntime(spec)
    found = run_in_batches(runtime, pixels, size)
    assert runtime.batches == batches
    np.testing.assert_array_equal(found.scores, FakeRuntime(spec).run(pixels).scores)
    assert found.maps is None
    assert found.features is None


def test_maps_and_features_stay_with_their_images(
    spec: ModelSpec, pixels: NDArray[np.uint8]
) -> None:
    """Maps and features beside the scores are joined in the same order."""
    found = run_in_batches(Explaining(spec), pixels, 3)
    assert found.maps is not None
    assert found.features is not None
    np.testing.assert_array_equal(found.maps[:, 1, 1], found.scores)
    np.testing.assert_array_equal(found.features[:, 0], found.scores)
