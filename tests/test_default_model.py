"""The embedded model: what its card says, held against it."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cxr_edge.discover import ImageItem, discover
from cxr_edge.manifest import NOTICE
from cxr_edge.metrics import at_threshold, auc
from cxr_edge.model import default_package, open_model, read_checksums
from cxr_edge.outcome import Decision, Prediction
from cxr_edge.scan import scan
from cxr_edge.training.dataset import LABELS, in_validation, list_films

PACKAGE = default_package()
FILMS = 300


def test_every_file_is_as_listed() -> None:
    """The committed package is the one that was exported and verified."""
    from cxr_export.package import check_checksums

    check_checksums(PACKAGE)
    assert {path.name for path in PACKAGE.iterdir()} == {*read_checksums(PACKAGE), "SHA256SUMS"}


def test_it_is_small_and_meets_its_floor() -> None:
    """At most 6 MB, validation AUC at least 0.99."""
    assert (PACKAGE / "model.onnx").stat().st_size <= 6_000_000
    facts = open_model().spec.provenance
    assert facts is not None
    assert facts.validation_auc.value >= 0.99


def test_its_original_carries_no_optimizer() -> None:
    """It is about as large as the weights alone, not three times as large."""
    with zipfile.ZipFile(PACKAGE / "model.keras") as archive:
        size = archive.getinfo("model.weights.h5").file_size
    assert size < 1.2 * (PACKAGE / "model.onnx").stat().st_size


def test_its_card_says_what_it_must() -> None:
    """Research use, the data, the intervals, the fall on other hospitals' films."""
    card = (PACKAGE / "README.md").read_text()
    facts = open_model().spec.provenance
    assert facts is not None
    for text in (NOTICE, facts.data, facts.command, str(facts.validation_auc), "0.54", "## Limits"):
        assert text in card


def test_parity_was_proved() -> None:
    """parity.json says that every artefact passed, on a count of films worth the name."""
    parity = json.loads((PACKAGE / "parity.json").read_text())
    assert parity["films"] >= 300
    assert all(artefact["passed"] for artefact in parity["artefacts"])
    assert {artefact["artefact"] for artefact in parity["artefacts"]} == {
        "model.onnx", "model.tflite"
    }  # fmt: skip


@pytest.mark.data
def test_validation_films_score_as_the_card_says(real_data: Path) -> None:
    """On 300 films of the patients held out, AUC and sensitivity reach the card's intervals."""
    model = open_model()
    facts = model.spec.provenance
    assert facts is not None
    films = [
        film
        for film in list_films(real_data / "chest_xray_224")
        if in_validation(film.patient, facts.seed, facts.validation_fraction)
    ]
    chosen = np.random.default_rng(0).permutation(len(films))[:FILMS]
    labels = {str(films[index].path): films[index].label for index in chosen}
    decision = Decision.of(model.spec)
    items = [ImageItem(path, Path(path)) for path in sorted(labels)]
    outcomes = [
        outcome
        for batch in scan(items, model, decision)
        for outcome in batch
        if isinstance(outcome, Prediction)
    ]
    assert len(outcomes) == FILMS
    truth = [labels[outcome.path] for outcome in outcomes]
    probabilities = [outcome.probability for outcome in outcomes]
    assert auc(truth, probabilities).value >= facts.validation_auc.low
    here = at_threshold(decision.operating_point, decision.threshold, truth, probabilities)
    card = model.spec.operating_point()
    assert here.sensitivity is not None
    assert card.sensitivity is not None
    assert here.sensitivity.value >= card.sensitivity.low


@pytest.mark.data
def test_full_size_films_agree_with_their_folders(real_data: Path) -> None:
    """Every film of original size is scored, at least 90 % as its class folder says."""
    model = open_model()
    batches = scan(discover([real_data / "chest_xray_full"]), model, Decision.of(model.spec))
    outcomes = [outcome for batch in batches for outcome in batch]
    scored = [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
    assert len(scored) == len(outcomes) == 145
    agreeing = [outcome.path.split("/")[0] == outcome.label for outcome in scored]
    assert {outcome.label for outcome in scored} == set(LABELS)
    assert np.mean(agreeing) >= 0.9
