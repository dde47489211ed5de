"""Score labelled films with a model and say what the scores are worth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import classification_report

from cxr_edge import __version__
from cxr_edge.data.films import TEST, patient_of
from cxr_edge.data.filmset import FilmSet, in_validation
from cxr_edge.evaluation.counterfactual import Movement, counterfactuals
from cxr_edge.evaluation.figures import Figures, figures
from cxr_edge.evaluation.shifts import shifted
from cxr_edge.evaluation.summary import VERSION
from cxr_edge.manifest import NOTICE
from cxr_edge.model import Model
from cxr_edge.spec import ModelSpec

ALL: Final = "all films"
HELD_OUT: Final = "films of validation patients"
TRAINED_ON: Final = "films of training patients"

_BATCH: Final = 32


@dataclass(frozen=True)
class Evaluation:
    """What a model's scores are worth on a labelled set."""

    model: str
    """Name and first digits of the artefact's digest."""
    runtime: str
    """What ran it."""
    spec: ModelSpec
    """Of the model."""
    films: FilmSet
    """The films of the group that is looked at closely."""
    scores: NDArray[np.float64]
    """Their probabilities, shape (N,)."""
    group: str
    """Name of that group, a key of :attr:`groups`."""
    groups: dict[str, Figures]
    """Name to figures: of all films, and where the model says whom it was trained on, of the
    validation and of the training patients apart."""
    copies: dict[str, Figures]
    """Name to figures of the changed copies; empty where they were not asked for."""
    movements: dict[str, Movement]
    """Name to effect of marks and borders; empty where it was not asked for."""

    @property
    def figures(self) -> Figures:
        """Of the group that is looked at closely."""
        return self.groups[self.group]

    def classification_report(self, point: str) -> str:
        """Return scikit-learn's table at the operating point called ``point``."""
        threshold = self.spec.operating_point(point).threshold
        text = classification_report(
            self.films.labels,
            (self.scores >= threshold).astype(int),
            labels=[0, 1],
            target_names=list(self.spec.labels),
            digits=3,
            zero_division=0,
        )
        return str(text).rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON-ready data."""
        return {
            "evaluation_version": VERSION,
            "tool_version": __version__,
            "model": self.model,
            "runtime": self.runtime,
            "operating_point": self.spec.default_operating_point,
            "group": self.group,
            "data_sha256": self.films.digest,
            "patients": self.films.patients,
            "unreadable": list(self.films.unreadable),
            "groups": {name: found.to_dict() for name, found in self.groups.items()},
            "copies": {name: found.to_dict() for name, found in self.copies.items()},
            "counterfactual": {name: moved.to_dict() for name, moved in self.movements.items()},
            "notice": NOTICE,
        }


def evaluate(
    model: Model, films: FilmSet, *, copies: bool = False, counterfactual: bool = False
) -> Evaluation:
    """Score films and their changed copies.

    Parameters
    ----------
    model
        Of any runtime.
    films
        N films, N at least 1, loaded for the model's input.
    copies
        Score the copies of :mod:`cxr_edge.evaluation.shifts` as well.
    counterfactual
        Score films with marks and borders changed as well.

    Returns
    -------
    Evaluation
        It looks closely, copies included, at the films of validation patients where the model
        says who they are, and at all otherwise.
    """
    spec = model.spec
    points = spec.operating_points
    scores = score(model, films.pixels).astype(np.float64)
    groups = {ALL: figures(films.labels, scores, points)}
    members = group_by_training(spec, films)
    for name, wanted in members.items():
        if wanted.any():
            groups[name] = figures(films.labels[wanted], scores[wanted], points)
    group = HELD_OUT if HELD_OUT in groups else ALL
    chosen = members.get(group, np.ones(len(scores), bool))
    close = replace(films.where(list(chosen)), unreadable=films.unreadable)
    threshold = spec.operating_point().threshold
    return Evaluation(
        model=model.tag,
        runtime=f"{model.runtime_name} ({model.runtime.provider})",
        spec=spec,
        films=close,
        scores=scores[chosen],
        group=group,
        groups=groups,
        copies={
            name: figures(close.labels, score(model, pixels), points)
            for name, pixels in (shifted(close) if copies else ())
        },
        movements=counterfactuals(close.pixels, lambda pixels: score(model, pixels), threshold)
        if counterfactual
        else {},
    )


def score(model: Model, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities of films, uint8 of shape (N, H, W, C), batch by batch."""
    batches = [
        model.runtime.run(pixels[first : first + _BATCH]) for first in range(0, len(pixels), _BATCH)
    ]
    return np.concatenate(batches)


def group_by_training(spec: ModelSpec, films: FilmSet) -> Mapping[str, NDArray[np.bool_]]:
    """Tell which films are of patients the model was trained on and which of those held out.

    It can be told where the model says its split, and for films whose names tell the patient and
    that are not marked for test; else nothing is returned.
    """
    facts = spec.provenance
    known = all(
        film.split != TEST and patient_of(film.path.name) != film.path.name for film in films.films
    )
    if facts is None or facts.split_seed is None or not known:
        return {}
    held_out = np.array(
        [
            in_validation(film.patient, facts.split_seed, facts.validation_fraction)
            for film in films.films
        ]
    )
    return {HELD_OUT: held_out, TRAINED_ON: ~held_out}
