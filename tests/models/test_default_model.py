"""The embedded model: what its card says, held against it."""

import csv
import json
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from copies import COPIES
from fakes import CLASSES, ROOT

from cxr_edge.datasets.listing import list_images
from cxr_edge.evaluation.summary import Summary
from cxr_edge.evaluation.tables import copies_table, shifts_table
from cxr_edge.metrics.operating_points import at_threshold
from cxr_edge.metrics.roc import auc
from cxr_edge.models.checksums import check_checksums, read_checksums
from cxr_edge.models.locate import default_package, read_spec_file
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import FORMATS, ORIGINAL
from cxr_edge.notice import RESEARCH_USE
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import ImageItem, discover
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.pipeline.scan import scan

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("default_model")]

PACKAGE = default_package()
EXTERNAL = 101
"""Adult images of another hospital with a radiologists' label: opacity or normal."""


def test_every_file_is_as_listed() -> None:
    """The committed package is the one that was exported and verified."""
    check_checksums(PACKAGE)
    assert {path.name for path in PACKAGE.iterdir()} == {*read_checksums(PACKAGE), "SHA256SUMS"}


def test_it_is_small_and_meets_its_floor() -> None:
    """At most 6 MB; the AUC of the worst group by appearance is at least 0.9."""
    assert (PACKAGE / "model.onnx").stat().st_size <= 6_000_000
    facts = open_artefact().spec.provenance
    assert facts is not None
    assert facts.worst_group is not None
    assert facts.worst_group.auc.value >= 0.9
    assert facts.validation_auc.value >= 0.99


def test_its_original_carries_no_optimizer() -> None:
    """It is about as large as the weights alone, not three times as large."""
    with zipfile.ZipFile(PACKAGE / "model.keras") as archive:
        size = archive.getinfo("model.weights.h5").file_size
    assert size < 1.2 * (PACKAGE / "model.onnx").stat().st_size


def test_its_card_says_what_it_must() -> None:
    """Research use, the data, the intervals, what it is known to get wrong."""
    card = (PACKAGE / "README.md").read_text()
    facts = open_artefact().spec.provenance
    assert facts is not None
    assert (ROOT / "docs" / "default-model.md").read_text().strip() in card
    assert (ROOT / "MODEL_CARD.md").read_text() == card
    for text in (
        RESEARCH_USE,
        "paediatric X-rays of one hospital",
        facts.data,
        facts.command,
        str(facts.validation_auc),
        "0.54",
        "## Limits",
    ):
        assert text in card


def test_its_card_has_the_figures_of_another_hospital() -> None:
    """Adult images with a radiologist's label, which it did not learn from, and changed copies."""
    found = Summary.read(PACKAGE / "evaluation.json")
    assert found.figures.images == EXTERNAL
    assert set(found.copies) == set(COPIES)
    card = (PACKAGE / "README.md").read_text()
    assert copies_table(found.copies, "screening").markdown in card
    assert shifts_table(found.counterfactual).markdown in card


def test_parity_was_proved() -> None:
    """parity.json says that every format passed, on 1,500 images or more."""
    parity = json.loads((PACKAGE / "parity.json").read_text())
    assert parity["films"] >= 1500
    assert {artefact["artefact"] for artefact in parity["artefacts"]} == {
        kind.file for kind in FORMATS.values()
    }
    assert all(artefact["passed"] for artefact in parity["artefacts"])


def test_int8_is_a_third_of_the_size() -> None:
    """At most 30 % of the float artefact of the same runtime."""
    sizes = {kind.name: (PACKAGE / kind.file).stat().st_size for kind in FORMATS.values()}
    assert sizes["onnx-int8"] <= 0.3 * sizes["onnx"]
    assert sizes["tflite-int8"] <= 0.3 * sizes["tflite"]
    assert sizes["tflite-dynamic"] <= 0.3 * sizes["tflite"]


@pytest.mark.slow
def test_it_can_be_made_again(tmp_path: Path) -> None:
    """The committed Keras model gives the float artefacts: the TFLite file byte for byte, ONNX in
    its answers, since tf2onnx orders parallel branches anew each time.
    """
    from cxr_export.packaging.export import export_package
    from cxr_export.packaging.request import Request

    spec = read_spec_file(PACKAGE / "spec.json")  # the input check's statistics were made at export
    request = Request(formats=("onnx", "tflite"))
    export_package(PACKAGE / ORIGINAL, tmp_path / "p", spec=spec, request=request)
    images = np.random.default_rng(0).integers(0, 256, (8, *spec.input.shape), np.uint8)
    made_again, shipped = (
        open_artefact(str(folder / "model.onnx")).runtime.run(images)
        for folder in (tmp_path / "p", PACKAGE)
    )
    np.testing.assert_allclose(made_again.scores, shipped.scores, rtol=0, atol=1e-6)
    for name in ("model.tflite", "spec.json"):
        # By digest: pytest would compare megabytes that differ until its time is up.
        made, committed = (
            sha256((folder / name).read_bytes()) for folder in (tmp_path / "p", PACKAGE)
        )
        assert made.hexdigest() == committed.hexdigest(), name


@pytest.mark.data
def test_images_of_another_hospital_score_as_the_card_says(real_data: Path) -> None:
    """From file bytes through ONNX they give the card's AUC and sensitivity."""
    folder = real_data / "external_nih"
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        classes = {row["file"]: row["rsna_class"] for row in csv.DictReader(file)}
    truth = {
        name: int(label == "Lung Opacity")
        for name, label in classes.items()
        if label in ("Lung Opacity", "Normal")
    }
    items = [ImageItem(name, str(folder / "images" / name)) for name in truth]
    model = open_artefact()
    outcomes = [o for batch in scan(items, model, Decision.of(model.spec)) for o in batch]
    scored = [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
    assert len(scored) == len(truth) == EXTERNAL
    labels = [truth[outcome.path] for outcome in scored]
    probabilities = [outcome.probability for outcome in scored]
    card = Summary.read(PACKAGE / "evaluation.json").figures
    assert card.auc is not None
    assert auc(labels, probabilities).value == pytest.approx(card.auc.value, abs=2e-3)
    point = model.spec.operating_point()
    here = at_threshold(point.name, point.threshold, labels, probabilities)
    stated = card.point(point.name).sensitivity
    assert here.sensitivity is not None
    assert stated is not None
    assert here.sensitivity.value == pytest.approx(stated.value, abs=2e-2)


@pytest.mark.data
def test_full_size_images_agree_with_their_folders(real_data: Path) -> None:
    """Every image of original size is scored, at least 90 % as its class folder says."""
    model = open_artefact()
    batches = scan(discover([real_data / "chest_xray_full"]), model, Decision.of(model.spec))
    outcomes = [outcome for batch in batches for outcome in batch]
    scored = [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
    assert len(scored) == len(outcomes) == 145
    agreeing = [outcome.path.split("/")[0] == outcome.label for outcome in scored]
    assert {outcome.label for outcome in scored} == set(CLASSES)
    assert np.mean(agreeing) >= 0.9


@pytest.mark.data
def test_original_images_and_their_small_copies_get_the_same_label(real_data: Path) -> None:
    """Decoding and resizing an image of original size decides as its 224-pixel copy does."""
    model = open_artefact()
    labels: list[dict[str, str]] = []
    for folder in ("chest_xray_full", "chest_xray_224/train"):
        images = [image.path for image in list_images(real_data / folder, CLASSES)]
        names = {item.name for item in images}
        wanted = names if not labels else names & labels[0].keys()
        items = [ImageItem(path.name, str(path)) for path in images if path.name in wanted]
        outcomes = [o for batch in scan(items, model, Decision.of(model.spec)) for o in batch]
        labels.append({o.path: o.label for o in outcomes if isinstance(o, Prediction)})
    assert labels[0].keys() == labels[1].keys()
    agreeing = [label == labels[1][name] for name, label in labels[0].items()]
    assert len(agreeing) == 145
    assert np.mean(agreeing) >= 0.99
