"""Checkpoints of a run: what each finished epoch leaves, so that a killed run can continue."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from cxr_edge.errors import DataError
from cxr_edge.storage.atomic import atomic_write, write_text_atomically
from cxr_edge.training.history import HISTORY, best_epoch, is_over, read_history

_STATE: Final = "state-{:03d}.weights.h5"
_BEST: Final = "best-{:03d}.weights.h5"
_ANY: Final = ("state-[0-9]*.weights.h5", "best-[0-9]*.weights.h5")


def state_file(run: Path, epoch: int) -> Path:
    """Return the file of weights and optimizer after an epoch."""
    return run / _STATE.format(epoch)


def best_file(run: Path, epoch: int) -> Path:
    """Return the file of the weights validated after an epoch."""
    return run / _BEST.format(epoch)


def load_weights(model: keras.Model, path: Path) -> None:
    """Load the weights of an earlier epoch.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as exc:
        raise DataError(
            f"{path}: expected the weights of an epoch in the run's history, they cannot be "
            f"loaded ({str(exc).splitlines()[0]}); start the run in another folder"
        ) from exc


def forget_states(run: Path, keep: Sequence[Path] = ()) -> None:
    """Remove the files of weights except ``keep``."""
    for pattern in _ANY:
        for path in run.glob(pattern):
            if path not in keep:
                path.unlink()


class SeedEpochs(keras.callbacks.Callback):
    """Callback that seeds every random layer for each epoch; weights do not carry their state."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  (Keras passes it)
        """Seed the layers, so that an interruption does not change the masks of later epochs."""
        for number, layer in enumerate(self.model.layers):
            if generator := getattr(layer, "seed_generator", None):
                state = np.random.SeedSequence([self._seed, number, epoch]).generate_state(2)
                generator.state.assign(state)


class SaveState(keras.callbacks.Callback):
    """Callback that saves weights and optimizer; must come before any averaging of weights."""

    def __init__(self, run: Path) -> None:
        super().__init__()
        self._run = run

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  (Keras passes it)
        """Save under the epoch's name; the file counts once the history has its row."""
        _save(self.model, state_file(self._run, epoch + 1))


class HistoryWriter(keras.callbacks.Callback):
    """Callback that writes the history, keeps the best weights and stops; must come last.

    A run killed at any moment can continue, because the order is: write the weights, write the
    row, remove what they replace.
    """

    def __init__(self, run: Path, monitor: str, patience: int, first_epoch: int) -> None:
        super().__init__()
        self._run = run
        self._monitor = monitor
        self._patience = patience
        self._first = first_epoch
        self._history = read_history(run)
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  (Keras passes them)
        """Start the clock of the epoch."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the row of ``epoch``, counted from 0 here and from 1 in the file."""
        row: dict[str, Any] = {
            "epoch": epoch + 1,
            "seconds": round(time.monotonic() - self._start, 1),
        }
        row |= {name: float(value) for name, value in sorted((logs or {}).items())}
        self._history.append(row)
        phase = self._history[self._first :]
        best = best_epoch(phase, self._monitor)
        if best == epoch + 1:
            _save(self.model, best_file(self._run, best))
        self._append(row)
        forget_states(self._run, (state_file(self._run, epoch + 1), best_file(self._run, best)))
        self.model.stop_training |= is_over(phase, self._monitor, self._patience)

    def _append(self, row: Mapping[str, Any]) -> None:
        """Replace the history by a longer one, so that no row is ever incomplete."""
        path = self._run / HISTORY
        lines = path.read_text(encoding="utf-8") if path.exists() else f"{','.join(row)}\n"
        write_text_atomically(path, f"{lines}{','.join(map(str, row.values()))}\n", durable=True)


def _save(model: keras.Model, path: Path) -> None:
    with atomic_write(path, durable=True) as half:  # before the row of the history that names it
        model.save_weights(half)
