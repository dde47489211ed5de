"""Whether a model's answer to an image depends on that image alone."""

import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.models.batch_size import drawn_images
from cxr_edge.models.machine_cache import model_cache
from cxr_edge.models.model import Model
from cxr_edge.runtimes.base import Runtime, Scores
from cxr_edge.runtimes.batches import run_in_batches

BATCH_TOLERANCE: Final = 1e-4
"""Largest |Δp| between two batch sizes: sums in another order, as between two fp32 runtimes.

Measured with SSE4.1, AVX2 and AVX-512: up to 1.8e-7 with onnxruntime, 0 with LiteRT, and with Keras
7.5e-6 for convolutional networks and 8.4e-5 for dense ones.
"""

_BEYOND: Final = 0.02
"""Distance from 0 to 1 at which a number is no probability that was merely rounded."""

_MORE: Final = 8
"""Images that are drawn where the first ones have the same score."""


@dataclass(frozen=True)
class Answers:
    """Answers of a model to a few drawn images: alone, together and again."""

    difference: float
    """Largest |Δp| of an image between alone, among the others, and again; 1 where only some
    of the answers are numbers."""
    lowest: float
    """Least finite score, 0 where there is none."""
    highest: float
    """Largest finite score, 0 where there is none."""
    constant: bool
    """Whether every image has the same score: drawn ones, a black, a white and a noisy one."""

    def __post_init__(self) -> None:
        numbers = (self.difference, self.lowest, self.highest)
        if not all(isinstance(number, float) for number in numbers) or math.isnan(sum(numbers)):
            raise ValueError(f"expected numbers, got {self!r}")

    def require_function(self, source: str) -> None:
        """Raise if an answer depends on more than its image.

        Raises
        ------
        ModelInvalid
            An image has different scores alone, together with another, or again.
        """
        if self.difference > BATCH_TOLERANCE:
            raise ModelInvalid(
                f"{source}: expected the same answer for an image every time, alone and among "
                f"others, got probabilities that differ by {self.difference:.2g}: the model draws "
                "random numbers or looks at the other images of a batch (Dropout or "
                "BatchNormalization in training mode); export it in inference mode "
                "(model.eval() in PyTorch); 'cxr scan --allow-nondeterministic' uses it all the "
                "same"
            )

    def require_probabilities(self, source: str) -> None:
        """Raise if scores are no probabilities.

        Raises
        ------
        ModelInvalid
            A score is far below 0 or above 1.
        """
        if not -_BEYOND <= self.lowest <= self.highest <= 1 + _BEYOND:
            wrong = self.highest if self.highest > 1 + _BEYOND else self.lowest
            raise ModelInvalid(
                f"{source}: expected probabilities from 0 to 1, got {wrong:.4g} for a drawn image; "
                "end the network in a sigmoid, or say in the spec that it gives logits: "
                '"output": {"values": "logit"}'
            )

    def require_usable(self, source: str) -> None:
        """Raise unless scores are probabilities that depend on the image, and on it alone.

        Raises
        ------
        ModelInvalid
            As :meth:`require_probabilities` and :meth:`require_function`, or all are the same.
        """
        self.require_probabilities(source)
        self.require_function(source)
        if self.sameness:
            raise ModelInvalid(f"{source}: {self.sameness}")

    @property
    def sameness(self) -> str:
        """Warning that every image has the same score; empty where they differ."""
        if not self.constant:
            return ""
        return (
            f"every image that was tried gets the same probability, {self.highest:.6f}: check the "
            "end of the network (a softmax of one unit gives 1 for anything) and the scale and "
            "offset in its spec"
        )


def answers_once(model: Model) -> Answers:
    """Return a model's answers to drawn images, remembered on this machine.

    Raises
    ------
    ModelError
        The runtime failed on a single image.
    """
    known = model_cache(model.sha256)
    question = (
        f"answers by {model.runtime_name} ({model.runtime.provider}), "
        f"{model.spec.interface}"  # --spec can give another
    )
    found = known.get(question)
    if isinstance(found, dict):
        with suppress(TypeError, ValueError):  # changed by somebody
            return Answers(**found)
    answers = try_answers(model.runtime)
    known.put(question, asdict(answers))
    return answers


def try_answers(runtime: Runtime) -> Answers:
    """Score drawn images alone, together and again.

    Raises
    ------
    ModelError
        The runtime failed on a single image.
    """
    spec = runtime.spec.input
    images = np.concatenate([drawn_images(spec, 2), _plain_images(spec.shape)])
    alone = run_in_batches(runtime, images, 1).scores
    others = [run_in_batches(runtime, images, 1).scores]
    with suppress(ModelError):  # it takes one image per call
        others += [runtime.run(images).scores, runtime.run(images).scores]
    numbers = alone[np.isfinite(alone)].astype(float).tolist() or [0.0]
    return Answers(
        difference=max(_difference(alone, scores) for scores in others),
        lowest=min(numbers),
        highest=max(numbers),
        constant=bool((alone == alone[0]).all()) and _is_constant(runtime, alone[0]),
    )


def _difference(some: Scores, others: Scores) -> float:
    """Return the largest |Δp|; two that are not numbers are the same."""
    if some.shape != others.shape or (np.isfinite(some) != np.isfinite(others)).any():
        return 1.0
    numbers = np.isfinite(some)
    apart = np.abs(some[numbers].astype(float) - others[numbers])
    return float(apart.max(initial=0))


def _is_constant(runtime: Runtime, score: np.float32) -> bool:
    """Tell whether more images have this score, to the last bit."""
    spec = runtime.spec.input
    return bool((run_in_batches(runtime, drawn_images(spec, _MORE), 1).scores == score).all())


def _plain_images(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a black, a white and a noisy image, uint8 of shape (3, H, W, C)."""
    images = np.zeros((3, *shape), np.uint8)
    images[1] = 255
    images[2] = np.random.default_rng(0).integers(0, 256, shape)
    return images
