"""Evaluation of a model: scores of labelled images and the figures that follow from them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_edge import __version__
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError, ModelInvalid
from cxr_edge.evaluation.counterfactual import ProbabilityShift, counterfactuals
from cxr_edge.evaluation.figures import Figures, figures
from cxr_edge.evaluation.overlap import ALL, Overlap, find_overlap
from cxr_edge.evaluation.shifts import CLEAN, shifted
from cxr_edge.evaluation.style_groups import GroupFigures, figures_by_style
from cxr_edge.evaluation.summary import VERSION
from cxr_edge.models.model import Model
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS


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
    """Name of a group to its figures: all images, and those that the model has seen or not, as far
    as that is known."""
    overlap: Overlap
    """Images that the model was trained on."""
    copies: dict[str, Figures]
    """Name of a changed copy to its figures; empty where they were not asked for."""
    counterfactual: dict[str, ProbabilityShift]
    """Name of a change of markers, borders or sharpness to its effect; empty where it was not asked
    for."""
    by_style: dict[str, GroupFigures]
    """Name of a group of one appearance to its figures; empty where the clusters are not known."""

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
            "overlap": self.overlap.to_dict(),
            "groups": {name: found.to_dict() for name, found in self.groups.items()},
            "copies": {name: found.to_dict() for name, found in self.copies.items()},
            "counterfactual": {
                name: moved.to_dict() for name, moved in self.counterfactual.items()
            },
            "by_style": {name: found.to_dict() for name, found in self.by_style.items()},
            "notice": self.spec.notice,
        }


def evaluate_images(
    model: Model,
    images: ImageSet,
    *,
    copies: bool = False,
    counterfactual: bool = False,
    styles: Styles | None = None,
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
    styles
        Clusters of the images by appearance, for figures by group.

    Returns
    -------
    Evaluation
        Its report, copies included, is about the images that the model was not trained on, as far
        as that is known; see :func:`cxr_edge.evaluation.overlap.find_overlap`.

    Raises
    ------
    DataError
        The classes of the images are not those of the model, or its list of training images is
        damaged.
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
    scores = rounded_scores(model, images.pixels)
    overlap = find_overlap(spec, images, model.folder)
    members = {ALL: np.ones(len(scores), bool), **overlap.groups}
    groups = {
        name: figures(images.labels[wanted], scores[wanted], points)
        for name, wanted in members.items()
    }
    chosen = members[overlap.headline]
    chosen_images = replace(
        images.where(list(chosen)), unreadable=images.unreadable, duplicates=images.duplicates
    )
    own = scores[chosen]
    threshold = spec.operating_point().threshold
    changed = {
        name: figures(
            chosen_images.labels, own if name == CLEAN else rounded_scores(model, pixels), points
        )
        for name, pixels in (shifted(chosen_images) if copies else ())
    }
    moved = (
        counterfactuals(
            chosen_images.pixels, own, lambda pixels: rounded_scores(model, pixels), threshold
        )
        if counterfactual
        else {}
    )
    alike = styles.take(np.flatnonzero(chosen)) if styles else None
    by_style = (
        figures_by_style(chosen_images.labels, own, alike, spec.operating_point()) if alike else {}
    )
    return Evaluation(
        model=model.tag,
        runtime=f"{model.runtime_name} ({model.runtime.provider})",
        spec=spec,
        images=chosen_images,
        scores=own,
        group=overlap.headline,
        groups=groups,
        overlap=overlap,
        copies=changed,
        counterfactual=moved,
        by_style=by_style,
    )


def rounded_scores(model: Model, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
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
