"""One image to its outcome: the pipeline without folders, for a call from Python."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.classify import judge
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.input_check import CHECKS, InputCheck
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.prepare import Prepared, prepare, prepare_array, prepare_bytes
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.place import storage_of
from cxr_edge.system.arguments import require_path_text


@dataclass(frozen=True)
class Classifier:
    """A model with its decision and input checks; several threads may call it at once."""

    model: Model
    """Opened model."""
    decision: Decision
    """Rule that makes a label of a probability."""
    checks: Sequence[InputCheck] = CHECKS
    """Checks that add flags."""
    batching: Batching = field(default_factory=Batching)
    """Images per call of the model: a lone image is scored as in a scan with this batching."""

    def classify(
        self, source: str | Path | bytes | bytearray | memoryview | NDArray[np.uint8]
    ) -> Outcome:
        """Classify one image, as a scan does.

        Parameters
        ----------
        source
            Path of a file; or all bytes of one; or decoded pixels, uint8 of shape (H, W) for gray
            or (H, W, 3) for red, green and blue, 0 is black.

        Returns
        -------
        Prediction or Failure
            A file or image that cannot be scored is a Failure, never an ImageError. ``path`` is
            the one that was given, empty for bytes and pixels; ``sha256`` is of the file's bytes,
            empty for pixels.

        Raises
        ------
        UsageError
            The source is something else, or the pixels are of another type or shape.
        ModelError
            The runtime failed.
        """
        item, prepared = self._prepared(source)
        (outcome,) = judge(
            [(item, prepared)], self.model, self.decision, self.batching, self.checks
        )
        return outcome

    def _prepared(
        self, source: str | Path | bytes | bytearray | memoryview | NDArray[np.uint8]
    ) -> tuple[ImageItem, Prepared]:
        spec = self.model.spec.input
        if isinstance(source, bytes | bytearray | memoryview):
            return ImageItem("", ""), prepare_bytes(bytes(source), spec)
        if isinstance(source, np.ndarray):
            return ImageItem("", ""), prepare_array(source, spec)
        if not isinstance(source, str | os.PathLike):
            raise UsageError(
                "expected the path of an image, its bytes or an array of pixels, got "
                f"{type(source).__name__}"
            )
        path = require_path_text("source", source)
        storage = storage_of(path) if "://" in path else LOCAL  # an archive is no image
        item = ImageItem(str(source), storage.absolute(path), storage=storage)
        return item, prepare(path, spec, storage)


def not_opened(argument: str, given: object) -> UsageError:
    """Return the error of an argument that is no opened model."""
    return UsageError(
        f"{argument}: expected what open_model() returns, got a {type(given).__name__}"
    )
