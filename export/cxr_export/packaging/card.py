"""The model card of a package, its ``README.md``."""

from typing import Final

from cxr_edge import __version__
from cxr_edge.evaluation.appearance import by_appearance
from cxr_edge.evaluation.review import review_text
from cxr_edge.evaluation.summary import Summary
from cxr_edge.evaluation.tables import copies_table, figure_table, points_table, shifts_table
from cxr_edge.evaluation.thresholds import expected_table, prior_text
from cxr_edge.evaluation.worst_group import stated_auc
from cxr_edge.notice import NOT_STATED
from cxr_edge.spec.input_statistics import InputStatistics
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.validation import NOT_MEASURED
from cxr_export.packaging.card_figures import failures, headlines
from cxr_export.packaging.front_matter import front_matter, knows_patients
from cxr_export.parity.tables import Findings, as_markdown, headline

PARITY_HEADING: Final = "## Parity"


def model_card(
    spec: ModelSpec,
    evaluation: Summary | None = None,
    notes: str = "",
    parity: Findings | None = None,
    license_name: str = "",
) -> str:
    """Return the card as Markdown, headed by Hugging Face YAML with a ``model-index``.

    Parameters
    ----------
    spec
        Spec of the model.
    evaluation
        Figures of the model, from ``cxr evaluate``.
    notes
        Markdown that goes into the card as it is: how the model was chosen.
    parity
        Content of ``parity.json``.
    license_name
        License of the model, as Hugging Face names it; nothing is said where it is empty.
    """
    parts = [front_matter(spec, evaluation, license_name), f"# {spec.name}"]
    parts += [*headlines(spec, evaluation), spec.notice, _usage(spec), *_operating_points(spec)]
    parts += failures(spec, evaluation)
    if spec.provenance:
        parts.append(_provenance(spec.provenance))
    if notes:
        parts.append(notes.strip())
    if evaluation:
        parts.append(_evaluation(spec, evaluation))
    if spec.input_check:
        parts.append(_input_check(spec.input_check))
    if parity:
        parts.append(_parity(parity))
    parts.append(_limits(spec.provenance))
    return "\n\n".join(parts) + "\n"


def with_parity(card: str, parity: Findings) -> str:
    """Return a card with a new section on parity."""
    text, heading, limits = card.partition(f"{_LIMITS_HEADING}\n")
    before = text.partition(f"{PARITY_HEADING}\n")[0]
    return f"{before}{_parity(parity)}\n\n{heading}{limits}"


_LIMITS_HEADING: Final = "## Limits"


def _limits(facts: Provenance | None) -> str:
    """Return the limits of a model, as far as they are known."""
    stated = facts is not None and _data(facts) != NOT_STATED
    trained = (
        "The model knows only images like those it was trained on, named above."
        if stated
        else "The model knows only images like those it was trained on, which are not described."
    )
    figures = """- Validation figures are of other images of the same data set; expect lower figures
  elsewhere.
- The thresholds were chosen on the validation images, so their validation figures are slightly too
  good. The intervals treat images of one patient as independent.
- Probabilities are calibrated, if at all, to the share of positives among the validation images;
  elsewhere that share differs."""
    if facts and facts.out_of_fold:
        figures += """
- No figure is of the shipped network itself: they are those of networks with the same settings that
  each lacked the patients of one fold."""
    unknown = (
        "- It is not known how the thresholds were chosen, or whether the probabilities are "
        "calibrated."
    )
    return f"""{_LIMITS_HEADING}

- Not a medical device. No clinical evaluation is known.
- {trained}
  Other ages, hospitals, machines, views and diseases are outside. Models trained on one hospital's
  images fell from AUC 0.95 to 0.54 on another's (Xin et al. 2021, Emergency Radiology).
- Side letters, collimation and exposure can differ between the classes of a data set, and a network
  can learn them in place of the lungs.
{figures if facts else unknown}"""


def _parity(findings: Findings) -> str:
    return f"""{PARITY_HEADING}

Every artefact was compared with the Keras model, from the bytes of the same files to the label, by
`cxr export` or `cxr verify`: {headline(findings)}. Times are those of the machine
that compared, one image per call.

{as_markdown(findings)}"""


def _input_check(statistics: InputStatistics) -> str:
    rows = [(group.name, group.images, group.flagged) for group in statistics.groups]
    return f"""## Input check

`cxr scan` flags images that are no frontal chest X-rays, or unlike the training images, and labels
them `review`. Each of these images was judged by statistics that were fitted without its patient:

{figure_table(("images", "number", "flagged"), rows).markdown}"""


def _usage(spec: ModelSpec) -> str:
    return f"""## Use

Classes {" and ".join(spec.labels)}; the model gives P({spec.labels[1]}). It takes
{spec.input} (batch, rows, columns, channels), 0 is black, made from a file by preprocessing
recipe {spec.input.recipe}; scaling is inside the graph. Written by cxr-edge {__version__}:

    cxr scan --model PACKAGE FOLDER --out report.csv"""


def _operating_points(spec: ModelSpec) -> list[str]:
    head = (
        f"An image is labelled {spec.labels[1]} if its probability reaches the threshold. Default: "
        f"{spec.default_operating_point}."
    )
    if spec.provenance:
        head += (
            " Validation figures with 95 % intervals (Wilson), measured "
            f"{spec.provenance.measured}."
        )
    if spec.prior:
        head += f" Those called weighted are {spec.prior} (--prior)."
    rows = [
        (point.name, f"{point.threshold:.6f}", point.sensitivity, point.specificity)
        for point in spec.operating_points
    ]
    columns = ("name", "threshold", *spec.rate_titles)
    parts = ["## Operating points", head, figure_table(columns, rows).markdown]
    if (expected := expected_table(spec)).rows:
        text = (
            "How many labels are right depends on how many images are positive. Where these rates "
            "hold, expect this share of right labels among the positive (PPV) and among the "
            "negative ones (NPV):"
        )
        parts += [text, expected.markdown]
    return [*parts, *prior_text(spec), *review_text(spec.review_band)]


def _provenance(facts: Provenance) -> str:
    if facts.out_of_fold:
        validated = f"{facts.validation_films} images, each by a network that lacked its patient"
        weights = (
            "The weights are those of the last epoch: no image was held out from the shipped "
            "network to choose one by, and parity is judged on images that it may have learned "
            "from. The thresholds were chosen on the scores of the images by the networks of the "
            "folds"
        )
    else:
        patients = _of(facts, facts.validation_patients)
        validated = f"{facts.validation_films} other images{patients}"
        weights = (
            "The weights are those of the epoch with the best validation figure. The thresholds "
            "were chosen on the validation images"
        )
    return f"""## Training

| | |
| --- | --- |
| architecture | {facts.architecture}{_parameters(facts)} |
| data | {_data(facts)} |
| data digest | `{facts.data_sha256}` |
| command | `{facts.command}` |
| seed | {facts.seed} |
{_trained_on(facts)}
| validated on | {validated} |
| validation AUC | {facts.validation_auc} (DeLong){_alone(facts)} |

{_split(facts)} Exact duplicates were left out before the split. {weights} {_COPIES}"""


_COPIES: Final = (
    "and on changed copies of them (other exposure, crop, compression), so that `screening` keeps "
    "its sensitivity on each of them."
)


def _alone(facts: Provenance) -> str:
    """Return words that the AUC of all images does not stand without."""
    worst = facts.worst_group
    group = f"; worst group {worst.name}: {worst.auc}" if worst else f", {NOT_MEASURED}"
    return f"{group}; {facts.caution}" if facts.caution else group


def _trained_on(facts: Provenance) -> str:
    images = f"{facts.training_films} images{_of(facts, facts.training_patients)}"
    rows = [f"| trained on | {images} |", *(f"| teacher | `{name}` |" for name in facts.teachers)]
    if facts.unlabelled_images:
        rows.append(f"| by the teachers alone | {facts.unlabelled_images} images without labels |")
    return "\n".join(rows)


def _parameters(facts: Provenance) -> str:
    return f", {facts.parameters:,} parameters" if facts.parameters else ""


def _data(facts: Provenance) -> str:
    return facts.data or NOT_STATED


def _of(facts: Provenance, patients: int) -> str:
    return f" of {patients} patients" if knows_patients(facts) else ""


def _split(facts: Provenance) -> str:
    if not knows_patients(facts):
        return "In the split, each image counted as one patient."
    if facts.out_of_fold:
        return "The folds are of patients: each has all images of its patients."
    if facts.split_seed is None:
        return "The split is by patient: no patient is on both sides."
    return (
        f"The split is by patient: a hash of seed {facts.split_seed} and patient holds out\n"
        f"{facts.validation_fraction:g} of the patients."
    )


def _evaluation(spec: ModelSpec, found: Summary) -> str:
    parts = [
        "## Evaluation",
        (
            f"By `cxr evaluate` on {found.group} ({found.figures.images}, "
            f"{found.figures.positives} of them {spec.labels[1]}, of {found.patients} patients): "
            f"{stated_auc(found.figures.auc, found.by_style)}; "
            f"calibration error {found.figures.calibration_error:.4f}."
        ),
        points_table(found.figures).markdown,
    ]
    if found.copies:
        name = spec.default_operating_point
        parts += ["The same images, changed:", copies_table(found.copies, name).markdown]
    if found.counterfactual:
        text = "Marks and borders, which should not matter, and a blur:"
        parts += [text, shifts_table(found.counterfactual).markdown]
    if found.by_style:
        parts += ["By appearance:", *by_appearance(found.by_style, spec.default_operating_point)]
    return "\n\n".join(parts)
