"""The site check: a model on labelled images of a new hospital, and thresholds for it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.classes import require_known
from cxr_edge.datasets.folds import deal_folds
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import unnamed_patients
from cxr_edge.datasets.listing import ALL_SPLITS, class_names, list_images
from cxr_edge.evaluation.evaluate import Evaluation
from cxr_edge.evaluation.labelled_data import evaluate
from cxr_edge.evaluation.platt import UNCALIBRATED, Platt, fit_platt
from cxr_edge.evaluation.site_sample import require_enough
from cxr_edge.metrics.bootstrap import calibration_interval
from cxr_edge.metrics.calibration import logit
from cxr_edge.metrics.operating_points import (
    at_threshold,
    choose_operating_points,
)
from cxr_edge.models.model import Model
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import (
    BALANCED,
    SCREENING,
    SCREENING_SENSITIVITY,
    OperatingPoint,
)
from cxr_edge.spec.site_facts import SiteFacts

FOLDS: Final = 5
"""Parts of the patients; each is measured with what was chosen on the others."""

_SEED: Final = 2021

_CHOSEN: Final = (SCREENING, BALANCED)
"""Names of the operating points whose threshold follows from the images."""


@dataclass(frozen=True)
class SiteCheck:
    """A model's figures at a site, and the calibration and thresholds for it."""

    found: Evaluation
    """Figures of the model as it is, on the images that it was not trained on."""
    calibration_error: Interval
    """Expected calibration error of its probabilities, with the interval of a bootstrap."""
    platt: Platt
    """Platt scaling that was fitted on all images."""
    calibrated_error: Interval
    """Expected calibration error after Platt scaling, out of fold."""
    points: tuple[OperatingPoint, ...]
    """The model's operating points and ``screening``. Thresholds of ``screening`` and ``balanced``
    are chosen on all images, and their figures are out of fold; others keep their threshold, and
    their figures are of these images."""
    keep: float
    """Sensitivity that ``screening`` keeps at least on the images that it is chosen on."""

    def point(self, name: str) -> OperatingPoint:
        """Return the site's operating point called ``name``."""
        return next(point for point in self.points if point.name == name)

    @staticmethod
    def chooses(name: str) -> bool:
        """Tell whether the threshold of the operating point called ``name`` follows from images."""
        return name in _CHOSEN

    @property
    def above_chance(self) -> bool:
        """Whether the whole interval of the AUC is above 0.5."""
        area = self.found.figures.auc
        return area is not None and area.low > 0.5

    @property
    def scanned_point(self) -> OperatingPoint:
        """The operating point that scans of the site are to use.

        It is the default one, or ``screening`` where the default one keeps its threshold.
        """
        name = self.found.spec.default_operating_point
        return self.point(name if self.chooses(name) else SCREENING)

    @property
    def against_scans(self) -> str:
        """Words on why no scan should use the thresholds of the site; empty where one may."""
        if not self.above_chance:
            return "the AUC is not known to be above chance"
        point = self.scanned_point
        useless = point.useless_rate(self.found.spec.labels)
        return f"the model is close to useless here at {point.name}" if useless else ""

    @property
    def spec(self) -> ModelSpec:
        """The model's spec with the operating points of the site.

        It gives the same probabilities: no spec can carry a calibration, and a threshold on
        calibrated ones is a threshold on these. A review band is left out, since it was chosen with
        other thresholds.
        """
        images = self.found.images
        facts = SiteFacts(
            images=len(images.labels),
            positives=int(images.labels.sum()),
            patients=images.patient_count,
            data_sha256=images.digest,
            date=datetime.now(UTC).date().isoformat(),
            auc=self.found.figures.auc,
        )
        return replace(self.found.spec, operating_points=self.points, review_band=None, site=facts)

    @property
    def remarks(self) -> list[str]:
        """Sentences on what the figures say of the model at this site."""
        return list(_remarks(self))


def check_site(
    model: Model,
    data: Path,
    *,
    keep: float = SCREENING_SENSITIVITY,
    skip_unreadable: bool = False,
) -> SiteCheck:
    """Measure a model on labelled images of a site, and choose calibration and thresholds there.

    Parameters
    ----------
    model
        Opened model.
    data
        Labelled images, as for :func:`cxr_edge.evaluation.labelled_data.evaluate`; those of all
        splits are used.
    keep
        Sensitivity that ``screening`` keeps, 0 to 1.
    skip_unreadable
        Leave files out that cannot be read, in place of an error.

    Raises
    ------
    DataError
        The data cannot be used, its classes are not those of the model, or a class has fewer
        images or patients than figures need.
    ModelError
        The model gives no probabilities.
    """
    labels = model.spec.labels
    require_known(class_names(data), labels, data, model.tag)
    require_enough(list_images(data, labels), labels)  # before all of them are read
    found = evaluate(model, data, split=ALL_SPLITS, skip_unreadable=skip_unreadable)
    require_enough(found.images.images, labels, " that can be read and are new to the model")
    return site_check(found, keep)


def site_check(found: Evaluation, keep: float = SCREENING_SENSITIVITY) -> SiteCheck:
    """Choose calibration and thresholds on evaluated images, and measure them out of fold.

    Patients are dealt to :data:`FOLDS` folds. For each fold Platt scaling is fitted, and thresholds
    are chosen, on the images of the others; the fold's images are judged by these.

    Parameters
    ----------
    found
        Evaluation of enough images, as for :func:`require_enough`.
    keep
        Sensitivity that ``screening`` keeps, 0 to 1.
    """
    images, scores, spec = found.images, found.scores, found.spec
    calibrated, called = _out_of_fold(images, scores, keep)
    chosen = choose_operating_points(images.labels, scores, keep=keep)
    thresholds = {point.name: point.threshold for point in chosen if point.name in called}
    for point in spec.operating_points:
        if point.name not in called:
            thresholds[point.name] = point.threshold
            called[point.name] = scores >= point.threshold
    names = dict.fromkeys([*(point.name for point in spec.operating_points), SCREENING])
    return SiteCheck(
        found=found,
        calibration_error=calibration_interval(images.labels, scores, images.patients),
        platt=fit_platt(images.labels, logit(scores)),
        calibrated_error=calibration_interval(images.labels, calibrated, images.patients),
        points=tuple(
            _measured(name, thresholds[name], images.labels, called[name]) for name in names
        ),
        keep=keep,
    )


def _out_of_fold(
    images: ImageSet, scores: NDArray[np.float64], keep: float
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.bool_]]]:
    """Return calibrated probabilities, and by operating point which images are called positive.

    Each image is judged by what was chosen on the images of patients of other folds.
    """
    folds = deal_folds(images, FOLDS, _SEED)
    calibrated = np.empty(len(scores))
    called = {name: np.zeros(len(scores), bool) for name in _CHOSEN}
    for fold in range(1, FOLDS + 1):
        held, labels = folds == fold, images.labels[folds != fold]
        others = scores[~held]
        calibrated[held] = fit_platt(labels, logit(others)).probabilities(logit(scores[held]))
        for point in choose_operating_points(labels, others, keep=keep):
            if point.name in called:
                called[point.name][held] = scores[held] >= point.threshold
    return calibrated, called


def _measured(
    name: str, threshold: float, labels: NDArray[np.int64], called: NDArray[np.bool_]
) -> OperatingPoint:
    """Return an operating point with the rates of the images that were called positive."""
    return replace(at_threshold(name, 0.5, labels, called), threshold=threshold)


def _remarks(check: SiteCheck) -> Iterator[str]:
    spec, figures = check.found.spec, check.found.figures
    if figures.auc and not check.above_chance:
        yield (
            f"The AUC is not known to be above chance (its interval starts at "
            f"{figures.auc.low:.3f}): no threshold and no calibration makes the model fit for this "
            "site."
        )
    for point in check.points:
        if check.chooses(point.name) and (rate := point.useless_rate(spec.labels)):
            yield (
                f"At {point.name} ({point.threshold:g}) the model is close to useless here: {rate} "
                "get the wrong label. Use another model for this site, or another operating point "
                "if one has good rates here."
            )
    point = spec.operating_point()
    matrix = figures.point(point.name)
    for figure, stated, here in (
        ("AUC", spec.provenance.validation_auc if spec.provenance else None, figures.auc),
        (f"sensitivity at {point.name}", point.sensitivity, matrix.sensitivity),
        (f"specificity at {point.name}", point.specificity, matrix.specificity),
    ):
        if stated and here and here.high < stated.low:
            yield (
                f"The {figure} is below that of the model's spec, {here} against {stated}; the "
                "intervals do not overlap."
            )
    if check.platt == UNCALIBRATED:
        yield (
            f"Higher probabilities do not go with {spec.labels[1]} here, so Platt scaling changes "
            "nothing."
        )
    if spec.prior:
        yield f"Rates of the model's spec are weighted: {spec.prior}; those of the site are not."
    if unnamed := unnamed_patients(check.found.images.images):
        yield unnamed
    if spec.review_band:
        yield ("The review band was chosen with other thresholds, so a spec of the site has none.")
