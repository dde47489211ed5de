"""Report of a training run, in Markdown."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.styles import Styles
from cxr_edge.evaluation.figures import figures
from cxr_edge.evaluation.shifts import CLEAN
from cxr_edge.evaluation.style_groups import by_appearance, figures_by_style
from cxr_edge.evaluation.tables import copies_table, points_table
from cxr_edge.notice import NOT_STATED
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.training.run_folder import CURVES, SAMPLES


def write_report(
    path: Path,
    spec: ModelSpec,
    summary: str,
    labels: NDArray[np.int64],
    copies: Mapping[str, NDArray[np.float32]],
    styles: Styles | None = None,
) -> None:
    """Write the figures of a run.

    Parameters
    ----------
    path
        The Markdown file; it shows ``curves.png`` and ``samples.png`` if they are beside it.
    spec
        Spec of the model, with its provenance.
    summary
        A sentence on the epochs.
    labels
        Labels of the validation images, shape (N,).
    copies
        Name to probabilities, shape (N,), of the validation images and their changed copies.
    styles
        Clusters of the validation images by appearance; None where the split knows none.
    """
    facts = spec.provenance
    assert facts is not None  # training always states it
    found = {
        name: figures(labels, scores, spec.operating_points) for name, scores in copies.items()
    }
    write_text_atomically(
        path,
        f"""# Training run: {spec.name}

{spec.notice}

{facts.architecture}, {spec.input}. Trained on {facts.training_films} images of
{facts.training_patients} patients, validated on {facts.validation_films} images of
{facts.validation_patients} other patients. Data set: {facts.data or NOT_STATED}.{_teaching(facts)}

    {facts.command}

{summary} Calibrated probabilities, validation images: AUC {found[CLEAN].auc} (DeLong), expected
calibration error {found[CLEAN].calibration_error:.4f}, Brier score {found[CLEAN].brier:.4f}.

## Operating points

{points_table(found[CLEAN]).markdown}

Default: {spec.default_operating_point}. Chosen on these images and their changed copies; Wilson's
95 % intervals take images as independent, also those of one patient.

## The same images, changed

{copies_table(found, spec.default_operating_point).markdown}
{_by_style(spec, labels, copies[CLEAN], styles)}{_pictures(path.parent)}""",
    )


def _teaching(facts: Provenance) -> str:
    if not facts.teachers:
        return ""
    more = f", also on {facts.unlabelled_images} images without labels"
    more = more if facts.unlabelled_images else ""
    return f" It learned from the probabilities of {', '.join(facts.teachers)}{more}."


def _by_style(
    spec: ModelSpec, labels: NDArray[np.int64], scores: NDArray[np.float32], styles: Styles | None
) -> str:
    if styles is None:
        return ""
    groups = figures_by_style(labels, scores, styles, spec.operating_point())
    shown = "\n\n".join(by_appearance(groups, spec.default_operating_point))
    return f"\n## By appearance\n\n{shown}\n\nNone of the counter-style images was trained on.\n"


def _pictures(folder: Path) -> str:
    titles = {CURVES: "Loss, accuracy and AUC by epoch", SAMPLES: "Augmented training images"}
    shown = {name: title for name, title in titles.items() if (folder / name).exists()}
    return "".join(f"\n## {title}\n\n![{title}]({name})\n" for name, title in shown.items())
