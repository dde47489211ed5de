"""The networks."""

import numpy as np
import pytest

from cxr_edge.spec import InputSpec
from cxr_edge.training.architectures import ARCHITECTURES

PARAMETERS = {"edge": 708_881}
"""At 224 x 224 x 1; fixed, so that a saved model's card stays true."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_parameters_are_counted(name: str) -> None:
    """A changed network is a new architecture, not the old one by another shape."""
    assert ARCHITECTURES[name](InputSpec()).count_params() == PARAMETERS[name]


@pytest.mark.slow
def test_edge_is_small_plain_and_scales_inside() -> None:
    """At most 1.5 million parameters, no depthwise convolution, uint8 in, a probability out."""
    model = ARCHITECTURES["edge"](InputSpec(64, 48, 3))
    kinds = {type(layer).__name__ for layer in model.layers}
    assert PARAMETERS["edge"] <= 1_500_000
    assert kinds == {
        "InputLayer", "Rescaling", "Conv2D", "BatchNormalization", "ReLU", "Add",
        "GlobalAveragePooling2D", "Dropout", "Dense",
    }  # fmt: skip
    assert model.inputs[0].dtype == "uint8"
    scores = model.predict_on_batch(np.full((2, 64, 48, 3), 255, np.uint8))
    assert scores.shape == (2, 1)
    assert ((scores > 0) & (scores < 1)).all()
