"""The report of a run, in Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_edge.evaluation.figures import figures
from cxr_edge.evaluation.shifts import CLEAN
from cxr_edge.evaluation.tables import copies_table, points_table
from cxr_edge.manifest import NOTICE
from cxr_edge.spec import ModelSpec


def write_report(
    path: Path,
    spec: ModelSpec,
    history: Sequence[Mapping[str, float]],
    best: int,
    labels: NDArray[np.int64],
    copies: Mapping[str, NDArray[np.float32]],
) -> None:
    """Write what came out of a run.

    Parameters
    ----------
    path
        The Markdown file; ``curves.png`` and ``samples.png`` stand beside it.
    spec
        Of the model, with its provenance.
    history
        Rows of the history, one an epoch.
    best
        The epoch whose weights were kept, from 1.
    labels
        Shape (N,), of the validation films.
    copies
        Name to probabilities, shape (N,), of the validation films and their changed copies.
    """
    facts = spec.provenance
    assert facts is not None  # training always states it
    found = {
        name: figures(labels, scores, spec.operating_points) for name, scores in copies.items()
    }
    minutes = sum(row["seconds"] for row in history) / 60
    path.write_text(
        f"""# Training run: {spec.name}

{NOTICE}

{facts.architecture}, {spec.input}, trained on {facts.training_films} films of
{facts.training_patients} patients and validated on {facts.validation_films} of
{facts.validation_patients} others: {facts.data or "data not described"}.

    {facts.command}

{len(history)} epochs in {minutes:.1f} minutes; the weights are those of epoch {best}.
Calibrated probabilities, validation films: AUC {found[CLEAN].auc} (DeLong), expected
calibration error {found[CLEAN].calibration_error:.4f}, Brier score {found[CLEAN].brier:.4f}.

## Operating points

{points_table(found[CLEAN])}

Default: {spec.default_operating_point}. Chosen on these films and their changed copies; Wilson's
95 % intervals take the films of one patient as independent.

## The same films, changed

{copies_table(found, spec.default_operating_point)}

## Curves

![loss, accuracy and AUC by epoch](curves.png)

## What the network saw

![augmented films](samples.png)
""",
        encoding="utf-8",
    )
