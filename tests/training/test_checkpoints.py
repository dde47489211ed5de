"""State of a run that is remembered."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cxr_edge.errors import DataError
from cxr_edge.training.checkpoints import HistoryWriter, SaveState
from cxr_edge.training.history import HISTORY, best_epoch, is_over, read_history


def rows(*losses: float) -> list[dict[str, float]]:
    return [
        {"epoch": n, "loss": 1.0, "val_loss": loss, "val_auc": -loss}
        for n, loss in enumerate(losses, 1)
    ]


@pytest.mark.parametrize("monitor", ["val_loss", "val_auc"])
def test_the_best_epoch_is_the_first_of_the_best(monitor: str) -> None:
    """Lowest loss or highest AUC; what is no number does not count."""
    assert best_epoch(rows(3, 1, 2, 1), monitor) == 2
    assert best_epoch(rows(float("nan"), 5), monitor) == 2
    assert best_epoch(rows(float("nan")), monitor) == 0
    assert best_epoch(rows(3, 1, 2)[2:], monitor) == 3


def test_training_is_over_when_the_best_is_old() -> None:
    """Patience counts the epochs after the best; epochs without a number count too."""
    assert not is_over(rows(1, 2), "val_loss", 2)
    assert is_over(rows(1, 2, 3), "val_loss", 2)
    assert is_over(rows(*[float("nan")] * 2), "val_loss", 2)
    assert not is_over([], "val_loss", 1)


def test_training_is_over_when_the_loss_is_no_number() -> None:
    """Weights without numbers never find back."""
    history = rows(2, 1)
    assert not is_over(history, "val_loss", 9)
    assert is_over([*history[:-1], {**history[-1], "loss": float("nan")}], "val_loss", 9)


def small_model() -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    return model


def run(folder: Path, epochs: int, patience: int = 9) -> keras.Model:
    model = small_model()
    done = len(read_history(folder))
    if done:
        model.optimizer.build(model.trainable_variables)
        model.load_weights(folder / f"state-{done:03d}.weights.h5")
    x = np.random.default_rng(0).normal(size=(32, 2))
    y = (x.sum(axis=1, keepdims=True) > 0).astype(float)
    callbacks: Any = [SaveState(folder), HistoryWriter(folder, "val_loss", patience, 0)]
    model.fit(
        x, y, validation_data=(x, y), initial_epoch=done, epochs=epochs, verbose=0, shuffle=False,
        callbacks=callbacks,
    )  # fmt: skip
    return model


@pytest.mark.slow
def test_a_resumed_run_equals_an_undisturbed_one(tmp_path: Path) -> None:
    """Weights, optimizer and history go on as if nothing had happened."""
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    keras.utils.set_random_seed(1)
    one = run(tmp_path / "one", 6)
    keras.utils.set_random_seed(1)
    run(tmp_path / "other", 2)
    keras.utils.set_random_seed(5)
    other = run(tmp_path / "other", 6)
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5)
    histories = [read_history(tmp_path / name) for name in ("one", "other")]
    assert [row["epoch"] for row in histories[1]] == [1, 2, 3, 4, 5, 6]
    for left, right in zip(*histories, strict=True):
        assert left["val_loss"] == pytest.approx(right["val_loss"], rel=1e-5)


@pytest.mark.slow
def test_two_files_of_weights_are_kept(tmp_path: Path) -> None:
    """The last epoch's and the best one's; nothing half-written stays."""
    run(tmp_path, 3)
    best = best_epoch(read_history(tmp_path), "val_loss")
    assert {path.name for path in tmp_path.iterdir()} == {
        HISTORY, "state-003.weights.h5", f"best-{best:03d}.weights.h5"
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["epoch,val_loss\n1,0.5\n3,0.4\n", "epoch,val_loss\n1,x\n", "epoch,val_loss\n1\n"]
)
def test_a_damaged_history_is_told(tmp_path: Path, text: str) -> None:
    """Gaps, words in place of numbers and half a row."""
    (tmp_path / HISTORY).write_text(text)
    with pytest.raises(DataError, match=r"history\.csv"):
        read_history(tmp_path)
