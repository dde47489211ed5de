"""Tables of a site check, and the folder that it is written to."""

import json
from pathlib import Path
from typing import Any, Final

from cxr_edge import __version__
from cxr_edge.errors import UsageError
from cxr_edge.evaluation.predictions import PREDICTIONS, write_predictions
from cxr_edge.evaluation.report import REPORT, check_folder, describe
from cxr_edge.evaluation.site_check import FOLDS, SiteCheck
from cxr_edge.evaluation.tables import FigureTable, figure_table
from cxr_edge.metrics.calibration import logit
from cxr_edge.storage.atomic import write_text_atomically

SITE_FIGURES: Final = "site-check.json"
"""Name of the file with all figures."""

WHAT: Final = "a site check"
"""Words for the folder."""

VERSION: Final = 1
"""Version of the JSON."""

PREVALENCE: Final = (
    "Platt scaling is fitted to the share of positive images in this set. If another share of the "
    "patients is positive, its probabilities are too high or too low."
)
"""Limit of the calibration."""


def compared_table(check: SiteCheck) -> FigureTable:
    """Return the model's figures as its spec states them, and at the site, with 95 % intervals."""
    figures, spec = check.found.figures, check.found.spec
    facts = spec.provenance
    rows: list[tuple[object, ...]] = [
        ("AUC", facts.validation_auc if facts else None, figures.auc),
        ("calibration error", None, check.calibration_error),
    ]
    for point in spec.operating_points:
        here = figures.point(point.name)
        rows += [
            (f"sensitivity at {point.name}", point.sensitivity, here.sensitivity),
            (f"specificity at {point.name}", point.specificity, here.specificity),
        ]
    return figure_table(("figure", "model's spec", "this site"), rows)


def site_table(check: SiteCheck) -> FigureTable:
    """Return one row per operating point of the site, with 95 % intervals."""
    return figure_table(
        ("operating point", "threshold", "sensitivity", "specificity", "calibrated threshold"),
        (
            (
                point.name,
                f"{point.threshold:.6f}",
                point.sensitivity,
                point.specificity,
                f"{check.platt.probabilities(logit(point.threshold)):.6f}",
            )
            for point in check.points
        ),
    )


def calibration_text(check: SiteCheck) -> str:
    """Return the sentence on Platt scaling."""
    platt = check.platt
    return (
        f"Platt scaling: calibrated logit = {platt.slope:.4f} x logit {platt.shift:+.4f}; "
        f"calibration error {check.calibration_error} before, {check.calibrated_error} after, out "
        "of fold"
    )


def points_text(check: SiteCheck) -> str:
    """Return the sentence that says how the operating points were chosen and measured."""
    return (
        "balanced is the threshold with the largest sum of sensitivity and specificity here. "
        f"screening is the highest threshold that keeps a sensitivity of {check.keep:g} here; if "
        "balanced is lower, screening takes the threshold of balanced. The figures of both are out "
        f"of fold: the patients are dealt to {FOLDS} folds, and the images of each fold are judged "
        "by thresholds that were chosen on the other folds. The other operating points keep their "
        "threshold."
    )


def write_site_check(check: SiteCheck, out: Path) -> None:
    """Write ``site-check.json``, ``predictions.csv`` and ``report.md``, each as a whole.

    Parameters
    ----------
    check
        The site check.
    out
        The folder; created.

    Raises
    ------
    UsageError
        It cannot be written, or has files that are not of a site check.
    """
    check_folder(out, SITE_FIGURES, WHAT)
    found = check.found
    try:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(_figures(check), indent=2, ensure_ascii=False)
        write_text_atomically(out / SITE_FIGURES, text + "\n")
        write_predictions(out / PREDICTIONS, found.images, found.scores)
        write_text_atomically(out / REPORT, _report(check))
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror}") from exc


def _figures(check: SiteCheck) -> dict[str, Any]:
    site = check.spec.site
    assert site is not None
    return {
        "site_check_version": VERSION,
        "tool_version": __version__,
        "model": check.found.model,
        "runtime": check.found.runtime,
        "site": site.to_dict(),
        "group": check.found.group,
        "overlap": check.found.overlap.to_dict(),
        "figures": check.found.figures.to_dict(),
        "calibration_error": check.calibration_error.to_dict(),
        "platt": {
            "slope": check.platt.slope,
            "shift": check.platt.shift,
            "calibration_error": check.calibrated_error.to_dict(),
        },
        "screening_sensitivity": check.keep,
        "operating_points": [point.to_dict() for point in check.points],
        "remarks": check.remarks,
        "notice": check.found.spec.notice,
    }


def _report(check: SiteCheck) -> str:
    found = check.found
    head = (
        f"Runtime: {found.runtime}. Below, {found.group}: {describe(found.figures)}, "
        f"{found.images.patient_count} patients. {len(found.images.unreadable)} unreadable files "
        f"and {found.images.duplicates} exact duplicates were left out. Intervals are 95 %: "
        "DeLong's for the AUC, Wilson's for rates, a bootstrap of patients for the calibration "
        "error; the first two take images as independent, also those of one patient."
    )
    parts = [
        f"# Site check of {found.model}",
        found.spec.notice,
        head,
        *found.overlap.remarks,
        *check.remarks,
        "## The model as it is",
        compared_table(check).markdown,
        "## Operating points for this site",
        points_text(check),
        site_table(check).markdown,
        "## Calibration for this site",
        f"{calibration_text(check)}. {PREVALENCE}",
    ]
    return "\n\n".join(parts) + "\n"
