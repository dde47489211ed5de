"""Content of a training batch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes import CLASSES, FakeRuntime

from cxr_edge.models.model import Model
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.training.batch_maker import BatchMaker, Source, class_weights
from cxr_edge.training.config import FitConfig
from cxr_edge.training.teachers import Teachers

LABELS = np.array([0] * 30 + [1] * 10)
RNG = np.random.default_rng(0)
LABELLED = Source(RNG.integers(0, 256, (40, 32, 32, 1), np.uint8), LABELS)
UNLABELLED = RNG.integers(0, 256, (9, 32, 32, 1), np.uint8)


def config(**options: Any) -> FitConfig:
    return FitConfig(input=InputSpec(32, 32), **{"batch_size": 10, **options})


@pytest.fixture
def teachers(spec: ModelSpec) -> Teachers:
    """One teacher, whose probability is the mean gray value."""
    return Teachers((Model("", "onnx", FakeRuntime(spec)),), CLASSES, 0.75, ("",))


def test_batches_are_balanced_and_repeatable() -> None:
    """Half of each class whatever the set has; the same seed, epoch and index, the same pixels."""
    one, other = BatchMaker(LABELLED, config()), BatchMaker(LABELLED, config())
    assert one.steps == 4
    for index in range(one.steps):
        batch = one.make(0, index)
        assert batch.pixels.shape == (10, 32, 32, 1)
        assert (batch.targets > 0.5).sum() == 5
        assert (batch.weights == 1).all()
        np.testing.assert_array_equal(batch.pixels, other.make(0, index).pixels)
    later = one.make(1, 0)
    assert (later.pixels != other.make(0, 0).pixels).any()
    np.testing.assert_array_equal(later.pixels, BatchMaker(LABELLED, config()).make(1, 0).pixels)


def test_unbalanced_batches_take_every_image_once() -> None:
    """An epoch is an epoch; the last batch may be smaller."""
    maker = BatchMaker(LABELLED, config(batch_size=16, imbalance="none"))
    targets = np.concatenate([maker.make(0, index).targets for index in range(maker.steps)])
    assert len(targets) == 40
    assert (targets > 0.5).sum() == 10


def test_labels_are_smoothed() -> None:
    """Half of the share goes to the other class, as in Keras' losses."""
    targets = BatchMaker(LABELLED, config(label_smoothing=0.1)).make(0, 0).targets
    assert sorted(set(targets[:, 0].tolist())) == pytest.approx([0.05, 0.95])


def test_weights_of_the_classes_balance_them() -> None:
    """The rarer class weighs more: each class as much in all, one on average."""
    assert class_weights(LABELS) == pytest.approx([40 / 60, 40 / 20])
    batch = BatchMaker(LABELLED, config(imbalance="weights", batch_size=40)).make(0, 0)
    ill = batch.targets[:, 0] > 0.5
    assert batch.weights[ill] == pytest.approx(np.full(10, 2.0))
    assert batch.weights[~ill] == pytest.approx(np.full(30, 2 / 3))


def test_a_target_mixes_label_and_teacher(teachers: Teachers) -> None:
    """A quarter of the smoothed label, three quarters of what the teacher says of these pixels."""
    settings = config(label_smoothing=0.2)
    plain = BatchMaker(LABELLED, settings).make(0, 0)
    taught = BatchMaker(replace(LABELLED, teachers=teachers), settings).make(0, 0)
    np.testing.assert_array_equal(taught.pixels, plain.pixels)
    seen = plain.pixels.mean(axis=(1, 2, 3)) / 255
    assert taught.targets[:, 0] == pytest.approx(0.25 * plain.targets[:, 0] + 0.75 * seen, abs=1e-5)


@pytest.mark.parametrize("imbalance", ["balanced", "weights"])
def test_an_eighth_of_a_batch_has_no_labels(teachers: Teachers, imbalance: str) -> None:
    """Its target is the teacher's probability alone and its weight one; all of these images occur,
    and an epoch still has every labelled image."""
    settings = config(batch_size=16, imbalance=imbalance)
    source = replace(LABELLED, unlabelled=UNLABELLED, teachers=teachers)
    maker = BatchMaker(source, settings)
    assert maker.steps == 3  # 14 labelled images in each
    batches = [maker.make(0, index) for index in range(maker.steps)]
    labelled = sum(len(batch.pixels) - 2 for batch in batches)
    assert labelled == (42 if imbalance == "balanced" else 40)
    for batch in batches:
        seen = batch.pixels[-2:].mean(axis=(1, 2, 3)) / 255
        assert batch.targets[-2:, 0] == pytest.approx(seen, abs=1e-5)
        assert (batch.weights[-2:] == 1).all()


def test_images_without_labels_come_in_turn(
    teachers: Teachers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is shown twice before each was shown once."""
    source = Source(
        np.zeros((40, 32, 32, 1), np.uint8), LABELS,
        np.arange(1, 10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 1), np.uint8),
        teachers,
    )  # fmt: skip
    maker = BatchMaker(source, config(batch_size=16))
    monkeypatch.setattr(maker, "_augment", lambda pixels, _: pixels)
    shown = np.concatenate([maker.make(0, index).pixels[-2:, 0, 0, 0] for index in range(3)])
    assert len(set(shown.tolist())) == 6
