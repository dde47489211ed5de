"""The epochs of a fit."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from fakes import CLASSES

from cxr_edge.datasets.image_set import load_images
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.patient_split import split_by_patient
from cxr_edge.errors import DataError, MachineError, ModelInvalid
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.backbones import efficientnet_lite0
from cxr_edge.training.config import FitConfig
from cxr_edge.training.fit import _loss, _optimizer, _Phase, fit
from cxr_edge.training.history import read_history
from cxr_edge.training.training_data import TrainingData

SPEC = InputSpec(32, 32)
QUICK = {"architecture": "dense-deep", "input": SPEC, "batch_size": 16, "patience": 9}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sides(class_folders: Path) -> TrainingData:
    images = load_images(list_images(class_folders, CLASSES), CLASSES, SPEC)
    return TrainingData(images, *split_by_patient(images, 2021, 0.3))


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adam", "schedule": "constant", "imbalance": "none"},
        {"imbalance": "weights", "augmentation": "study-2021"},
        {"imbalance": "focal", "monitor": "val_auc"},
        {"averaging": 0.5, "label_smoothing": 0.0},
    ],
)
def test_every_way_of_training_learns(
    sides: TrainingData, tmp_path: Path, options: dict[str, object]
) -> None:
    """The loss falls, and the history has a row an epoch."""
    fit(sides, tmp_path, FitConfig(**{**QUICK, **options, "epochs": 5}), verbose=0)
    history = read_history(tmp_path)
    assert len(history) == 5
    assert min(row["loss"] for row in history[1:]) < history[0]["loss"]


@pytest.mark.parametrize(
    ("architecture", "averaging"), [("dense-deep", 0.0), ("dense-deep", 0.8), ("edge", 0.0)]
)
def test_a_resumed_fit_equals_an_undisturbed_one(
    sides: TrainingData, tmp_path: Path, architecture: str, averaging: float
) -> None:
    """Same images, same steps, same schedule, averages and dropout: the same weights at the end."""
    options = {**QUICK, "architecture": architecture, "epochs": 4, "averaging": averaging}
    config = FitConfig(**options)
    keras.utils.set_random_seed(3)
    (tmp_path / "one").mkdir()
    one = fit(sides, tmp_path / "one", config, verbose=0)

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            if epoch == 2:
                raise KeyboardInterrupt

    keras.utils.set_random_seed(3)
    (tmp_path / "other").mkdir()
    with pytest.raises(KeyboardInterrupt):
        fit(sides, tmp_path / "other", config, [Stop()], verbose=0)
    assert len(read_history(tmp_path / "other")) == 2
    keras.utils.set_random_seed(99)
    other = fit(sides, tmp_path / "other", config, verbose=0)
    assert [row["epoch"] for row in read_history(tmp_path / "other")] == [1, 2, 3, 4]
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)


def test_a_finished_fit_trains_no_more(sides: TrainingData, tmp_path: Path) -> None:
    """Started again, it gives the same weights at once."""
    config = FitConfig(**{**QUICK, "epochs": 2})
    one = fit(sides, tmp_path, config, verbose=0)
    other = fit(sides, tmp_path, config, verbose=0)
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert len(read_history(tmp_path)) == 2


def test_the_head_is_trained_first(sides: TrainingData, tmp_path: Path) -> None:
    """In the first epochs of a backbone only what follows the pool changes, then all does."""
    options = {**QUICK, "architecture": "efficientnet-lite0", "epochs": 2, "head_epochs": 1}

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            stems.append(self.model.get_layer("stem_conv").get_weights()[0])
            means.append(self.model.get_layer("top_norm").get_weights()[2])
            heads.append(self.model.get_layer("probability").get_weights()[0])

    stems, means, heads = [], [], []
    fresh = efficientnet_lite0(SPEC)
    fit(sides, tmp_path, FitConfig(**options), [Look()], verbose=0)
    assert [row["epoch"] for row in read_history(tmp_path)] == [1, 2]
    np.testing.assert_array_equal(stems[0], fresh.get_layer("stem_conv").get_weights()[0])
    np.testing.assert_array_equal(means[0], fresh.get_layer("top_norm").get_weights()[2])
    assert (stems[1] != stems[0]).any()
    assert (means[1] != means[0]).any()
    assert (heads[1] != heads[0]).any()


def test_focal_loss_weighs_the_rarer_class(sides: TrainingData) -> None:
    """By the share of the other class."""
    normal, ill = (np.flatnonzero(sides.training.labels == label) for label in (0, 1))
    uneven = replace(sides, training=sides.training.take([*normal[:30], *ill[:10]]))
    focal = _loss(uneven, FitConfig(**{**QUICK, "imbalance": "focal"})).get_config()
    assert focal["apply_class_balancing"]
    assert focal["alpha"] == pytest.approx(0.75)  # of the positive class, the rarer one here


def test_the_learning_rate_rises_and_falls() -> None:
    """Cosine: a tenth at the start, the peak after one epoch, nothing at the end."""
    config = FitConfig(**{**QUICK, "epochs": 5, "learning_rate": 1e-2})
    rate = _optimizer(config, _Phase(0, 5, head_only=False), steps=10)._learning_rate
    at = {step: float(rate(step)) for step in (0, 10, 50)}
    assert at == {0: pytest.approx(1e-3), 10: pytest.approx(1e-2), 50: pytest.approx(0, abs=1e-9)}
    falling = [float(rate(step)) for step in range(10, 51)]
    assert falling == sorted(falling, reverse=True)


def test_averaged_weights_are_what_is_validated_and_kept(
    sides: TrainingData, tmp_path: Path
) -> None:
    """From the first step's weights on: m x average + (1 - m) x weights, for the momentum m."""
    momentum = 0.5

    class Average(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
            weights = self.model.get_weights()
            pairs = zip(self.mean if batch else weights, weights, strict=True)
            self.mean = [momentum * mean + (1 - momentum) * now for mean, now in pairs]

    watch = Average()
    config = FitConfig(**{**QUICK, "epochs": 1, "averaging": momentum})
    kept = fit(sides, tmp_path, config, [watch], verbose=0)
    for left, right in zip(watch.mean, kept.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)


def test_divergence_is_told(sides: TrainingData, tmp_path: Path) -> None:
    """A network without numbers is not saved as a model."""
    wild = FitConfig(**{**QUICK, "epochs": 2, "learning_rate": 1e30, "schedule": "constant"})
    with pytest.raises(ModelInvalid, match="diverged"):
        fit(sides, tmp_path, wild, verbose=0)
    assert len(read_history(tmp_path)) == 1  # there is nothing to wait for


def test_a_lost_process_is_told(sides: TrainingData, tmp_path: Path) -> None:
    """Keras' own error on the batches, of whatever library, gives way to ours."""

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            if epoch == 1:
                for child in multiprocessing.active_children():
                    child.kill()

    config = FitConfig(**{**QUICK, "epochs": 3})
    with pytest.raises(MachineError, match="continue with --resume and fewer --workers"):
        fit(sides, tmp_path, config, [Kill()], verbose=0, workers=1)
    assert len(read_history(tmp_path)) == 1
    assert not multiprocessing.active_children()
    fit(sides, tmp_path, config, verbose=0, workers=1)
    assert len(read_history(tmp_path)) == 3


def test_missing_weights_are_told(sides: TrainingData, tmp_path: Path) -> None:
    """A run whose files were removed does not end in a traceback."""
    config = FitConfig(**{**QUICK, "epochs": 2})
    fit(sides, tmp_path, config, verbose=0)
    for path in tmp_path.glob("*.h5"):
        path.write_bytes(b"half")
    with pytest.raises(DataError, match="cannot be loaded"):
        fit(sides, tmp_path, config, verbose=0)
