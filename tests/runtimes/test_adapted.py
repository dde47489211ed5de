"""Promises that all runtimes share: onnxruntime, LiteRT and OpenVINO behind one seam."""

import numpy as np
import pytest
from fakes import runtimes

from cxr_edge.models.open import open_artefact


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    spec = open_artefact().spec.input
    return np.random.default_rng(0).integers(0, 256, (5, *spec.shape), np.uint8)


@pytest.mark.parametrize("name", runtimes())
def test_scores_are_one_probability_per_image(name: str, noise: np.ndarray) -> None:
    """float32 of shape (N,), from 0 to 1, for any N and in any order of sizes."""
    runtime = open_artefact(runtime=name).runtime
    for size in (5, 1, 3):
        scores = runtime.run(noise[:size]).scores
        assert scores.shape == (size,)
        assert scores.dtype == np.float32
        assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("name", runtimes())
def test_all_runtimes_agree(name: str, noise: np.ndarray) -> None:
    """The same pixels give the same probabilities."""
    first, second = (
        open_artefact(runtime=each).runtime.run(noise).scores for each in ("onnx", name)
    )
    np.testing.assert_allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("name", runtimes())
def test_a_batch_is_one_call(name: str) -> None:
    """A graph that takes any number of images is not run image by image."""
    assert not open_artefact(runtime=name).runtime.adapter.image_by_image  # type: ignore[attr-defined]
