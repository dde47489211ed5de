"""Teachers: trained models whose probabilities a network learns from."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.classes import Classes, joined
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import UsageError
from cxr_edge.evaluation.overlap import find_overlap
from cxr_edge.imaging.preprocess import stretch
from cxr_edge.metrics.calibration import logit, probability
from cxr_edge.models.locate import model_path
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_any, open_artefact
from cxr_edge.models.package import FORMATS, ORIGINAL
from cxr_edge.models.registry import ORIGINALS, original_of
from cxr_edge.models.selection import candidates_in
from cxr_edge.runtimes.providers import AUTO
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.teacher_overlap import TeacherOverlap
from cxr_edge.training.run_files import has_folds

_DEVICE = "cpu"
"""Device of the teachers: the same on every machine, so that a run can be continued elsewhere."""


@dataclass(frozen=True)
class Teachers:
    """Opened models and their share in a network's targets.

    References
    ----------
    G. Hinton, O. Vinyals, J. Dean: Distilling the knowledge in a neural network. 2015,
    arXiv:1503.02531.
    """

    models: tuple[Model, ...]
    """Models of the same two classes, at least one."""
    classes: Classes
    """Classes of the network that learns; a teacher may have them the other way round."""
    weight: float
    """Share of the teachers in the target of a labelled image."""
    references: tuple[str, ...]
    """Names and paths that they were opened by."""

    @classmethod
    def open(cls, references: Sequence[str], classes: Classes, weight: float) -> Self:
        """Open teachers.

        Parameters
        ----------
        references
            ``default``, model packages, run folders, or ``.onnx``, ``.tflite`` or ``.keras`` files.
        classes
            Classes of the network that learns: negative, positive.
        weight
            Share of the teachers in a target.

        Raises
        ------
        UsageError
            A reference does not exist, or is a model of other classes.
        ModelError
            It is no model, or cannot be opened.
        """
        models = tuple(_open(reference) for reference in references)
        for model in models:
            if set(model.spec.labels) != set(classes):
                raise UsageError(
                    f"--teacher: expected a model of {joined(classes)}, {model.tag} is of "
                    f"{joined(model.spec.labels)}; name a teacher of the same classes"
                )
        return cls(models, classes, weight, tuple(references))

    def __reduce__(self) -> tuple[Callable[..., "Teachers"], tuple[Any, ...]]:
        """Have them opened anew in another process."""
        return Teachers.open, (self.references, self.classes, self.weight)

    @property
    def names(self) -> tuple[str, ...]:
        """Name and SHA-256 of each teacher, as ``name@sha256``."""
        return tuple(f"{model.spec.name}@{model.sha256}" for model in self.models)

    @property
    def need_keras(self) -> bool:
        """Whether one runs in Keras or TensorFlow, which every process would have to load."""
        return any(model.runtime_name in ORIGINALS for model in self.models)

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the sigmoid of the mean of the teachers' logits, shape (N,).

        A probability of 0 or 1 counts as one a float32's smallest step away, so that its logit is
        a number.

        Parameters
        ----------
        pixels
            uint8 of shape (N, H, W, C) with equal channels; they are stretched for a teacher of
            another size.

        Raises
        ------
        UsageError
            A teacher gives numbers that are no probabilities.
        """
        mean = np.mean([self._logits(model, pixels) for model in self.models], axis=0)
        return np.asarray(probability(mean), np.float32)

    def overlap(
        self, validation: ImageSet, *, fold_by_fold: bool = False
    ) -> tuple[TeacherOverlap, ...]:
        """Return the teachers for which figures on validation images may be too good.

        Such a teacher learned from some of the images, does not list the images that it learned
        from, or had such a teacher itself.

        Parameters
        ----------
        validation
            Images that the network is validated on.
        fold_by_fold
            Whether a teacher that is a run with folds teaches each fold by the network that did
            not see it.

        Raises
        ------
        DataError
            The list of a teacher is damaged.
        """
        count = len(validation.images)
        found: list[TeacherOverlap] = []
        for model, reference in zip(self.models, self.references, strict=True):
            if not (fold_by_fold and has_folds(Path(reference))):
                seen = find_overlap(model.spec, validation, model.folder).trained_on
                if seen != 0:
                    found.append(TeacherOverlap(model.tag, seen, count))
            if facts := model.spec.provenance:
                found += facts.teacher_overlap
        return tuple(dict.fromkeys(found))

    def _logits(self, model: Model, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        scores = model.runtime.run(_for(model.spec.input, pixels)).scores
        wrong = scores[~((scores >= 0) & (scores <= 1))]
        if len(wrong):
            raise UsageError(
                f"--teacher: expected probabilities from 0 to 1, {model.tag} gives "
                f"{wrong[0]:.4g}; if these are logits, say so in its spec: "
                '"output": {"values": "logit"}'
            )
        logits = logit(scores)
        return logits if model.spec.labels[1] == self.classes[1] else -logits


def _open(reference: str) -> Model:
    path = model_path(reference)
    if not os.path.exists(path):  # noqa: PTH110  (Path raises for a name that is too long)
        raise UsageError(
            f"--teacher: expected 'default', a package or a file, {path} does not exist"
        )
    if _is_run(Path(path)):
        reference = str(Path(path) / ORIGINAL)
    if original_of(Path(reference)):
        return open_any(reference)
    # The first installed runtime, not the fastest: the artefact must be the same when continued.
    (first, *_), _ = candidates_in(path, AUTO, _DEVICE, None)
    return open_artefact(reference, first.runtime, device=_DEVICE, threads=1)


def _is_run(folder: Path) -> bool:
    """Return whether a folder has a Keras model alone, as a training run leaves it."""
    exported = any((folder / kind.file).exists() for kind in FORMATS.values())
    return (folder / ORIGINAL).is_file() and not exported


def _for(spec: InputSpec, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if pixels.shape[1:] == spec.shape:
        return pixels
    return np.stack([stretch(image[:, :, 0], spec) for image in pixels])
