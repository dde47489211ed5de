"""The check that a model gives the features that its input check needs."""

import numpy as np

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.model import Model


def require_features(model: Model, count: int) -> None:
    """Raise where a model gives other features for a black image than its statistics are of.

    Raises
    ------
    ModelInvalid
        It gives none, or another number of them than ``count``.
    ModelError
        The runtime failed.
    """
    features = model.runtime.run(np.zeros((1, *model.spec.input.shape), np.uint8)).features
    got = "none" if features is None else f"{features.shape[1]}"
    if got != f"{count}":
        raise ModelInvalid(
            f"{model.artefact or model.spec.name}: expected {count} features for the input check "
            f"of its spec, got {got}; export it again, or take input_check out of the spec"
        )
