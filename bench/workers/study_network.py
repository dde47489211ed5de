"""Write the study's model 4 with weights as drawn, fit to be timed: python study_network.py FILE.

Needs cxr_edge on the path. The study scaled in the generator, so the layer that scales is left out.
"""

import sys

import keras

from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.architectures import build_network


def main(file: str) -> None:
    """Build and save."""
    model = build_network("cnn-pooled", InputSpec(channels=3))
    layers = model.layers[model.layers.index(model.get_layer("scale")) + 1 :]
    keras.Sequential([keras.Input((224, 224, 3)), *layers]).save(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
