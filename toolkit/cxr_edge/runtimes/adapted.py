"""The part that all runtimes share: an adapter between the pixels and the library's call."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxr_edge.runtimes.adapter import Adapter
from cxr_edge.runtimes.base import Outputs
from cxr_edge.runtimes.tensor import Array
from cxr_edge.spec.model_spec import ModelSpec


class AdaptedRuntime(ABC):
    """A :class:`cxr_edge.runtimes.base.Runtime` over one call of a library."""

    spec: ModelSpec
    """Spec: what the model expects and means."""
    why: str
    """Reason for the provider."""
    adapter: Adapter
    """Adapter between the pixels and the model's input and output."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Score a batch; see :meth:`cxr_edge.runtimes.base.Runtime.run`."""
        return self.adapter.run(pixels, self._call)

    @abstractmethod
    def _call(self, image: Array) -> Sequence[object]:
        """Run the library once, its input tensor to the outputs that the adapter wants.

        Raises
        ------
        ModelError
            The library failed.
        """
