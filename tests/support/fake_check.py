"""An input check that says what it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.image import SourceFacts


@dataclass
class FakeCheck:
    """Gives every image the same flags; it notes what it saw."""

    given: Sequence[str]
    seen: list[tuple[NDArray[np.uint8], SourceFacts, NDArray[Any] | None]] = field(
        default_factory=list
    )

    def flags(
        self, pixels: NDArray[np.uint8], source: SourceFacts, features: NDArray[Any] | None
    ) -> Sequence[str]:
        self.seen.append((pixels, source, features))
        return self.given
