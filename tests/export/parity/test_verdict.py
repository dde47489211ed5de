"""Verdicts: what fails, what the images cannot tell, and what a report says of either."""

from pathlib import Path

import numpy as np
import pytest

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import UNKNOWN, LabelledImage
from cxr_edge.errors import ParityError
from cxr_edge.models.gates import GATES
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.parity.comparison import compare_scores
from cxr_export.parity.report import ArtefactParity, Latency, ParityReport
from cxr_export.parity.tables import as_markdown, differences_table
from cxr_export.parity.verdict import Excess, Verdict, excess_of_loss, verdict_of


def report(spec: ModelSpec, flipped: int) -> ParityReport:
    """A comparison of 145 images, in which int8 changes so many labels."""
    listed = tuple(LabelledImage(Path(f"{n}.png"), UNKNOWN, f"p{n}") for n in range(145))
    images = ImageSet(spec.labels, listed, np.zeros((145, 1, 1, 1), np.uint8), ("",) * 145)
    expected, candidate = np.full(145, 0.1), np.full(145, 0.1)
    candidate[:flipped] = 0.9
    found = compare_scores(images, expected, candidate, spec, GATES[Precision.INT8])
    artefact = ArtefactParity(
        "model.int8.onnx", "onnx", "CPU", Precision.INT8, 1, found, {2: 0.0}, Latency(1.0, 1.0)
    )
    return ParityReport(spec, "model.keras", images, (artefact,))


def test_what_the_images_cannot_tell_raises_nothing(spec: ModelSpec) -> None:
    """The table, the remarks and parity.json say inconclusive, with the images that would tell."""
    made = report(spec, flipped=1)
    made.require()
    findings = made.to_dict()
    assert differences_table(findings).rows[0][-1] == "inconclusive"
    assert "- inconclusive: model.int8.onnx: 1 of 145 labels differ" in as_markdown(findings)
    (artefact,) = findings["artefacts"]
    assert (artefact["verdict"], artefact["passed"]) == ("inconclusive", False)
    assert "about 6,400 images like these would tell" in artefact["undecided"][0]


def test_what_is_surely_broken_fails(spec: ModelSpec) -> None:
    """Ten labels of 145 are no chance."""
    made = report(spec, flipped=10)
    with pytest.raises(ParityError, match=r"model\.int8\.onnx: 10 of 145 labels differ"):
        made.require()
    assert differences_table(made.to_dict()).rows[0][-1] == "FAILED"


def test_a_loss_is_judged_by_its_interval() -> None:
    """Beyond the limit as a whole: sure. The images needed grow as the distance shrinks."""
    assert excess_of_loss("AUC", Interval(-0.01, -0.02, -0.005), 0.002, 100).certain
    near = excess_of_loss("AUC", Interval(-0.003, -0.006, 0.0), 0.002, 100)
    far = excess_of_loss("AUC", Interval(-0.006, -0.012, 0.0), 0.002, 100)
    assert not near.certain
    assert near.images == pytest.approx(900)
    assert far.images == pytest.approx(225)
    assert excess_of_loss("AUC", Interval(-0.003, -0.006, 0.0), 0.0, 100).certain


@pytest.mark.parametrize(
    ("images", "told"), [(7.2, "about 8 "), (5314, "about 5,400 "), (3e7, "more than a million ")]
)
def test_the_images_needed_are_told_in_two_digits(images: float, told: str) -> None:
    """Nobody counts on more."""
    assert told in str(Excess("x", "0% to 1%", images))


def test_findings_without_a_verdict_have_one_all_the_same() -> None:
    """Versions before 4 say passed or not."""
    assert verdict_of({"passed": True}) is Verdict.PASSED
    assert verdict_of({"passed": False}) is Verdict.FAILED
    assert verdict_of({"passed": False, "verdict": "inconclusive"}) is Verdict.INCONCLUSIVE
