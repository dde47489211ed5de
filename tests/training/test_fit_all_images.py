"""A fit of all images, of which none is held out."""

from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES

from cxr_edge.datasets.image_set import load_images
from cxr_edge.datasets.listing import list_images
from cxr_edge.errors import ModelInvalid
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.architectures import build_network
from cxr_edge.training.checkpoints import load_weights, state_file
from cxr_edge.training.config import FitConfig
from cxr_edge.training.fit import fit
from cxr_edge.training.history import read_history
from cxr_edge.training.training_data import TrainingData

SPEC = InputSpec(32, 32)
QUICK = {"architecture": "dense-deep", "input": SPEC, "batch_size": 32, "folds": 2, "patience": 1}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(class_folders: Path) -> TrainingData:
    images = load_images(list_images(class_folders, CLASSES), CLASSES, SPEC)
    return TrainingData(images, images, images.take([]))


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_the_last_epoch_is_kept_and_none_is_left_out(
    data: TrainingData, tmp_path: Path, averaging: float
) -> None:
    """Nothing stops early, whatever the patience; with a moving average that one is kept."""
    config = FitConfig(**QUICK, epochs=3, averaging=averaging)
    model = fit(data, tmp_path, config, verbose=0)
    assert len(read_history(tmp_path)) == 3
    assert {path.name for path in tmp_path.glob("best-*")} == {"best-003.weights.h5"}
    last = build_network(config.architecture, SPEC)
    load_weights(last, state_file(tmp_path, 3))
    same = all(
        np.allclose(left, right, atol=1e-7)
        for left, right in zip(model.get_weights(), last.get_weights(), strict=True)
    )
    assert same == (averaging == 0)


def test_divergence_is_told_without_validation_images(data: TrainingData, tmp_path: Path) -> None:
    """The loss of the last epoch is no number: its weights are not taken for a network."""
    config = FitConfig(**QUICK, epochs=3, learning_rate=1e30, schedule="constant")
    with pytest.raises(ModelInvalid, match="training diverged"):
        fit(data, tmp_path, config, verbose=0)
