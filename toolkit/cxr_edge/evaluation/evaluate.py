"""Evaluation of a model: scores of labelled images and the figures that follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge import __version__
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import TRAIN, patient_of
from cxr_edge.datasets.patient_split import in_validation
from cxr_edge.errors import DataError, ModelInvalid
from cxr_edge.evaluation.counterfactual import ProbabilityShift, counterfactuals
from cxr_edge.evaluation.figures import Figures, figures
from cxr_edge.evaluation.shifts import CLEAN, shifted
from cxr_edge.evaluation.summary import VERSION
from cxr_edge.models.model import Model
from cxr_edge.notice import NOTICE
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS

ALL: Final = "all images"
HELD_OUT: Final = "images of validation patients"
TRAINED_ON: Final = "images of training patients"
"""Names of groups; the file names and the split of the model identify the patients."""


@dataclass(frozen=True)
class Evaluation:
    """Figures of a model on a labelled set."""

    model: str
    """Name and first digits of the artefact's digest."""
    runtime: str
    """Runtime that ran it, with its provider."""
    spec: ModelSpec
    """Spec of the model."""
    images: ImageSet
    """Images of the group that the report is about."""
    scores: NDArray[np.float64]
    """Their probabilities, shape (N,)."""
    group: str
    """Name of that group, a key of :attr:`groups`."""
    groups: dict[str, Figures]
    """Name of a group to its figures: all images, and, where the model knows its split, validation
    and training patients."""
    copies: dict[str, Figures]
    """Name of a changed copy to its figures; empty where they were not asked for."""
    counterfactual: dict[str, ProbabilityShift]
    """Name of a change of markers, borders or sharpness to its effect; empty where it was not asked
    for."""

    @property
    def figures(self) -> Figures:
        """Figures of the group that the report is about."""
        return self.groups[self.group]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON-ready data."""
        return {
            "evaluation_version": VERSION,
            "tool_version": __version__,
            "model": self.model,
            "runtime": self.runtime,
            "operating_point": self.spec.default_operating_point,
            "group": self.group,
            "data_sha256": self.images.digest,
            "patients": self.images.patient_count,
            "unreadable": len(self.images.unreadable),
            "exact_duplicates_left_out": self.images.duplicates,
            "groups": {name: found.to_dict() for name, found in self.groups.items()},
            "copies": {name: found.to_dict() for name, found in self.copies.items()},
            "counterfactual": {
                name: moved.to_dict() for name, moved in self.counterfactual.items()
            },
            "notice": NOTICE,
        }


def evaluate_images(
    model: Model, images: ImageSet, *, copies: bool = False, counterfactual: bool = False
) -> Evaluation:
    """Score images and their changed copies.

    Parameters
    ----------
    model
        A model of any runtime.
    images
        N images, N at least 1, loaded for the model's input.
    copies
        Score the copies of :mod:`cxr_edge.evaluation.shifts` too.
    counterfactual
        Score images with changed markers, borders and sharpness too.

    Returns
    -------
    Evaluation
        Its report, copies included, is about the validation patients if the images are exactly
        those that the model was trained and validated on, and about all images otherwise.

    Raises
    ------
    DataError
        The classes of the images are not those of the model.
    ModelInvalid
        The model gives no probabilities.
    """
    spec = model.spec
    if images.classes != spec.labels:
        raise DataError(
            f"expected the classes of the model {model.tag}, {' and '.join(spec.labels)} (negative "
            f"and positive), got {' and '.join(images.classes)}"
        )
    points = spec.operating_points
    scores = score(model, images.pixels)
    groups = {ALL: figures(images.labels, scores, points)}
    members = group_by_training(spec, images)
    for name, wanted in members.items():
        if wanted.any():
            groups[name] = figures(images.labels[wanted], scores[wanted], points)
    facts = spec.provenance
    same_images = facts is not None and images.digest == facts.data_sha256
    group = HELD_OUT if same_images and HELD_OUT in groups else ALL
    chosen = members[group] if group != ALL else np.ones(len(scores), bool)
    chosen_images = replace(
        images.where(list(chosen)), unreadable=images.unreadable, duplicates=images.duplicates
    )
    own = scores[chosen]
    threshold = spec.operating_point().threshold
    changed = {
        name: figures(chosen_images.labels, own if name == CLEAN else score(model, pixels), points)
        for name, pixels in (shifted(chosen_images) if copies else ())
    }
    moved = (
        counterfactuals(chosen_images.pixels, own, lambda pixels: score(model, pixels), threshold)
        if counterfactual
        else {}
    )
    return Evaluation(
        model=model.tag,
        runtime=f"{model.runtime_name} ({model.runtime.provider})",
        spec=spec,
        images=chosen_images,
        scores=own,
        group=group,
        groups=groups,
        copies=changed,
        counterfactual=moved,
    )


def score(model: Model, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the probabilities of images, rounded as in a report.

    Parameters
    ----------
    model
        A model of any runtime.
    pixels
        uint8 of shape (N, H, W, C), N at least 1.

    Raises
    ------
    ModelInvalid
        A score is not a probability.
    """
    given = run_in_batches(model.runtime, pixels, what="scoring images").scores
    scores = given.astype(np.float64).round(PROBABILITY_DECIMALS)
    wrong = ~((scores >= 0) & (scores <= 1))
    if wrong.any():
        raise ModelInvalid(
            f"{model.tag}: expected probabilities from 0 to 1, got {scores[wrong][0]} for "
            f"{wrong.sum()} of {len(scores)} images"
        )
    return scores


def group_by_training(spec: ModelSpec, images: ImageSet) -> Mapping[str, NDArray[np.bool_]]:
    """Return masks of the images of validation and of training patients, each of shape (N,).

    This needs a model that was trained on class folders, and images without a split of their own
    whose file names identify the patient; otherwise nothing is returned. Names alone do not prove
    that the images are of the model's own data set.
    """
    facts = spec.provenance
    known = all(
        image.split in ("", TRAIN)
        and image.patient == patient_of(image.path.name) != image.path.name
        for image in images.images
    )
    if facts is None or facts.split_seed is None or not known:
        return {}
    held_out = np.array(
        [
            in_validation(image.patient, facts.split_seed, facts.validation_fraction)
            for image in images.images
        ]
    )
    return {HELD_OUT: held_out, TRAINED_ON: ~held_out}
