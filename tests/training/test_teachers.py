"""Teachers: trained models whose probabilities a network learns from."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import CLASSES, FakeRuntime
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.errors import UsageError
from cxr_edge.imaging.preprocess import stretch
from cxr_edge.models.locate import default_package
from cxr_edge.models.model import Model
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.teacher_overlap import TeacherOverlap
from cxr_edge.training.teachers import Teachers

PIXELS = np.repeat(np.random.default_rng(0).integers(0, 256, (3, 64, 64, 1), np.uint8), 3, axis=3)


class Fixed(FakeRuntime):
    """A runtime with the same answer to every image; it keeps what it was shown."""

    def __init__(self, spec: ModelSpec, score: float) -> None:
        super().__init__(spec)
        self.score, self.seen = np.float32(score), []

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        self.seen.append(pixels)
        return Outputs(np.full(len(pixels), self.score, np.float32))


def test_the_target_is_the_sigmoid_of_the_mean_logit(spec: ModelSpec) -> None:
    """Logits are averaged, not probabilities; a teacher with the classes the other way round counts
    by its probability of the same class, and each sees the pixels at its own size."""
    turned = replace(spec, labels=CLASSES[::-1], input=InputSpec(64, 64, 3))
    runtimes = Fixed(spec, 0.9), Fixed(turned, 0.4)
    models = tuple(Model("ab" * 32, "onnx", runtime) for runtime in runtimes)
    found = Teachers(models, CLASSES, 0.8, ("a", "b")).probabilities(PIXELS)
    assert found == pytest.approx(np.full(3, 1 / (1 + (1 / 9 * 4 / 6) ** 0.5)))
    assert found.dtype == np.float32
    small = np.stack([stretch(image[:, :, 0], InputSpec(32, 32)) for image in PIXELS])
    np.testing.assert_array_equal(runtimes[0].seen[0], small)
    np.testing.assert_array_equal(runtimes[1].seen[0], PIXELS)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_teacher_that_is_certain_gives_a_number(spec: ModelSpec, score: float) -> None:
    """A float32 sigmoid rounds to 0 and 1; such a target is as good as that."""
    teachers = Teachers((Model("", "onnx", Fixed(spec, score)),), CLASSES, 0.8, ("",))
    assert teachers.probabilities(PIXELS) == pytest.approx(np.full(3, score), abs=1e-6)


@pytest.mark.parametrize("score", [1.2, -3.0, float("nan")])
def test_numbers_that_are_no_probabilities_are_told(spec: ModelSpec, score: float) -> None:
    """With the model's name, and what may be the matter."""
    teachers = Teachers((Model("ab" * 32, "onnx", Fixed(spec, score)),), CLASSES, 0.8, ("",))
    with pytest.raises(UsageError, match=f"fake@abababababab gives {score:.4g}; if these are log"):
        teachers.probabilities(PIXELS)


def test_a_package_and_its_file_are_the_same_teacher(tmp_path: Path) -> None:
    """The runtime of a package is not chosen by speed, so that a run continues with the same
    artefact; the digest is that of the file."""
    shutil.copy(default_package() / "model.onnx", tmp_path)
    names = [
        Teachers.open([reference], CLASSES, 0.5).names
        for reference in ("default", str(tmp_path / "model.onnx"))
    ]
    assert names[0] == names[1]
    (name,) = names[0]
    assert len(name.rpartition("@")[2]) == 64


def test_a_teacher_of_other_classes_is_refused() -> None:
    """Its probability is not that of the class which is learned."""
    with pytest.raises(UsageError, match=r"--teacher: expected a model of CLEAR and TB, .* is of"):
        Teachers.open(["default"], ("CLEAR", "TB"), 0.5)


def test_a_teacher_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By the option's name."""
    with pytest.raises(UsageError, match=r"--teacher: expected .*gone\.onnx does not exist"):
        Teachers.open([str(tmp_path / "gone.onnx")], CLASSES, 0.5)


def facts() -> Provenance:
    return Provenance(
        "edge", "", "d" * 64, "cxr train DATA", 1, 0.5, 1, 1, 1, 1, Interval(0.9, 0.8, 1.0), 7
    )


def four_images() -> ImageSet:
    digests = tuple(str(number) * 64 for number in range(4))
    images = tuple(LabelledImage(Path(f"{number}.png"), 0, str(number)) for number in range(4))
    return ImageSet(CLASSES, images, PIXELS[[0, 0, 0, 0]], digests)


def taught(spec: ModelSpec, folder: Path | None, reference: str = "", **more: Any) -> Teachers:
    """Return one teacher whose file is in a folder."""
    runtime = Fixed(replace(spec, provenance=replace(facts(), **more)), 0.5)
    return Teachers((Model("ab" * 32, "onnx", runtime, folder=folder),), CLASSES, 0.8, (reference,))


def test_a_teacher_that_has_seen_the_validation_images_is_counted(
    spec: ModelSpec, tmp_path: Path
) -> None:
    """The figures of a network that learns from it are too good, and it is said by how many."""
    images = four_images()
    TrainingImages.of(images.sha256[:3], images.sha256[3:], facts().data_sha256).write(tmp_path)
    teachers = taught(spec, tmp_path)
    assert teachers.overlap(images.take([3])) == ()
    (overlap,) = teachers.overlap(images.take([0, 1, 3]))
    assert str(overlap) == "teacher fake@abababababab learned from 2 of the 3 validation images"


def test_a_teacher_of_unknown_images_is_told(spec: ModelSpec, tmp_path: Path) -> None:
    """It may have seen every validation image, with a list or a folder that says nothing of it."""
    for folder in (None, tmp_path):
        (overlap,) = taught(spec, folder).overlap(four_images())
        assert str(overlap) == "what teacher fake@abababababab learned from is not known"


def test_a_teacher_passes_on_what_its_own_teachers_have_seen(
    spec: ModelSpec, tmp_path: Path
) -> None:
    """Knowledge of the validation images reaches the network by a teacher that never saw them."""
    images = four_images()
    TrainingImages.of((), images.sha256, facts().data_sha256).write(tmp_path)
    first = TeacherOverlap("large@cdcdcdcdcdcd", 2, 4)
    assert taught(spec, tmp_path, teacher_overlap=(first,)).overlap(images) == (first,)


def test_a_run_that_teaches_fold_by_fold_has_seen_nothing(spec: ModelSpec, tmp_path: Path) -> None:
    """Its network of all images saw them, but each fold learns from the network that did not."""
    (tmp_path / "fold-1").mkdir()
    (tmp_path / "config.json").write_text("{}")
    images = four_images()
    TrainingImages.of(images.sha256, (), facts().data_sha256).write(tmp_path)
    teachers = taught(spec, tmp_path, str(tmp_path))
    assert teachers.overlap(images, fold_by_fold=True) == ()
    assert teachers.overlap(images) == (TeacherOverlap("fake@abababababab", 4, 4),)
