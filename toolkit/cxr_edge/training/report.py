"""Report of a training run, in Markdown."""

from pathlib import Path

from cxr_edge.evaluation.appearance import by_appearance
from cxr_edge.evaluation.figures import figures
from cxr_edge.evaluation.review import review_text
from cxr_edge.evaluation.shifts import CLEAN
from cxr_edge.evaluation.tables import copies_table, points_table
from cxr_edge.evaluation.thresholds import expected_table, prior_text
from cxr_edge.notice import NOT_STATED
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.training.run_files import CURVES, SAMPLES
from cxr_edge.training.validation import Validated


def write_report(
    path: Path, spec: ModelSpec, summary: str, validated: Validated, *, calibrated: bool
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
    validated
        Validated images and what was decided by them.
    calibrated
        Whether the probabilities are calibrated.
    """
    facts = spec.provenance
    assert facts is not None  # training always states it
    labels = validated.images.labels
    found = {
        name: figures(labels, scores, spec.operating_points)
        for name, scores in validated.copies.items()
    }
    kind = "Calibrated" if calibrated else "Uncalibrated"
    data = f"Data set: {_described(facts)}.{_teaching(facts)}"
    setting = f"{facts.architecture}, {spec.input}. {_images(facts)} {data}"
    result = (
        f"{summary} {kind} probabilities of these images: AUC {found[CLEAN].auc} (DeLong), "
        f"expected calibration error {found[CLEAN].calibration_error:.4f}, Brier score "
        f"{found[CLEAN].brier:.4f}."
    )
    chosen = (
        f"Default: {spec.default_operating_point}. Chosen on these images and their changed "
        "copies; Wilson's 95 % intervals take images as independent, also those of one patient. "
        "PPV and NPV are those at the prevalence of these images; to expect at others, where "
        f"sensitivity and specificity{f', {spec.prior},' if spec.prior else ''} hold:"
    )
    parts = [
        f"# Training run: {spec.name}", f"**{facts.headline}.**", spec.notice, setting,
        f"    {facts.command}", result, "## Operating points", points_table(found[CLEAN]).markdown,
        chosen, expected_table(spec).markdown, *prior_text(spec), *review_text(spec.review_band),
        "## The same images, changed",
        copies_table(found, spec.default_operating_point).markdown,
        *_by_style(spec, validated, facts), *_pictures(path.parent),
    ]  # fmt: skip
    write_text_atomically(path, "\n\n".join(parts) + "\n")


def _images(facts: Provenance) -> str:
    trained = f"Trained on {facts.training_films} images of {facts.training_patients} patients"
    if facts.out_of_fold:
        return (
            f"{trained}, all that there are. Each of them was scored by another network of the "
            "same settings that did not see its patient; all figures here are of these scores."
        )
    return (
        f"{trained}, validated on {facts.validation_films} images of {facts.validation_patients} "
        "other patients."
    )


def _described(facts: Provenance) -> str:
    if facts.data not in ("", NOT_STATED):
        return facts.data.rstrip(".")
    return f"{NOT_STATED}; the folder's name is no description, --data-note TEXT gives one"


def _teaching(facts: Provenance) -> str:
    if not facts.teachers:
        return ""
    more = f", also on {facts.unlabelled_images} images without labels"
    more = more if facts.unlabelled_images else ""
    caution = f" The {facts.caution}." if facts.caution else ""
    return f" It learned from the probabilities of {', '.join(facts.teachers)}{more}.{caution}"


def _by_style(spec: ModelSpec, validated: Validated, facts: Provenance) -> list[str]:
    if validated.styles is None:
        return []
    last = (
        "Each image was scored by a network that did not see its patient, but saw other "
        "counter-style images."
        if facts.out_of_fold
        else "None of the counter-style images was trained on."
    )
    shown = by_appearance(validated.groups, spec.default_operating_point)
    return ["## By appearance", *shown, last]


def _pictures(folder: Path) -> list[str]:
    titles = {CURVES: "Loss, accuracy and AUC by epoch", SAMPLES: "Augmented training images"}
    shown = {name: title for name, title in titles.items() if (folder / name).exists()}
    return [
        part for name, title in shown.items() for part in (f"## {title}", f"![{title}]({name})")
    ]
