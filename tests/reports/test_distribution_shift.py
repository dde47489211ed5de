"""The comparison of a report's images with those that its model was validated on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from statistics_of import statistics

from cxr_edge.metrics.stability import TENTHS, deciles, stability_index
from cxr_edge.reports.distribution_shift import LEAST, LIMIT, DistributionShift
from cxr_edge.reports.manifest import to_plain
from cxr_edge.spec.input_statistics import NOT_LABELLED, FlaggedImages
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.site_facts import SiteFacts

DRAWS = np.random.default_rng(0).beta(0.3, 0.2, 5000)
"""Probabilities of validation images."""

AREA = Interval(0.95, 0.94, 0.96)
FACTS = Provenance(
    "edge", "films", "0" * 64, "cxr train DATA", 1, 0.2, 800, 400, 500, 250, AREA,
    score_deciles=deciles(DRAWS),
)  # fmt: skip
GROUPS = (
    FlaggedImages("NORMAL, easy", 600, 2),
    FlaggedImages("NORMAL, counter-style", 50, 0),
    FlaggedImages("PNEUMONIA", 300, 3),
    FlaggedImages(NOT_LABELLED, 50, 0),
    FlaggedImages("NORMALLY a photo", 40, 40),
    FlaggedImages("frontal, elsewhere", 400, 200),
)


@pytest.fixture
def known(spec: ModelSpec) -> ModelSpec:
    """A model with the deciles of its validation images, and statistics."""
    return replace(spec, provenance=FACTS, input_check=replace(statistics(), groups=GROUPS))


def row(probability: float, flags: str = "") -> dict[str, str]:
    return {"status": "ok", "probability": f"{probability:.6f}", "flags": flags, "reason": ""}


def refused() -> dict[str, str]:
    return {"status": "failed", "probability": "", "flags": "", "reason": "input-check"}


def shift_of(spec: ModelSpec, rows: list[dict[str, str]]) -> DistributionShift:
    found = DistributionShift.of(spec)
    assert found
    for one in rows:
        found.add(one)
    return found


def test_images_of_the_same_kind_are_not_warned_of(known: ModelSpec) -> None:
    """The summary says so, with both numbers."""
    found = shift_of(known, [row(value) for value in DRAWS[:400]])
    assert found.warning is None
    assert str(found).startswith("distribution shift: none seen (index 0.0")
    assert str(found).endswith("for the input check; limit 0.25)")


def test_other_probabilities_are_warned_of(known: ModelSpec) -> None:
    """In one sentence: what differs, by how much, why else, and what to do."""
    found = shift_of(known, [row(0.4 + 0.2 * value) for value in DRAWS[:400]])
    assert found.warning
    assert found.warning.startswith("distribution-shift: the probabilities differ from those of")
    assert f"limit {LIMIT})" in found.warning
    assert "should not be scored" not in found.warning
    assert "another share of positive images" in found.warning
    assert "'cxr calibrate'" in found.warning
    assert str(found) == f"warning: {found.warning}"


def test_many_images_that_should_not_be_scored_are_warned_of(known: ModelSpec) -> None:
    """The count is the same, and so is the warning, whether they are refused or labelled."""
    told = "80 of 400 images should not be scored, against 5 of 1000 of the training hospital"
    good = [row(value) for value in DRAWS[:320]]
    flagged = [row(value, "small;unlike-training-data") for value in DRAWS[320:400]]
    for rows in (flagged, [refused()] * 80):
        found = shift_of(known, good + rows)
        assert found.warning
        assert told in found.warning
        assert "probabilities" not in found.warning
    few = shift_of(known, [*good, *flagged[:4], row(0.5, "small")])
    assert few.warning is None


def test_nothing_is_said_of_a_few_images(known: ModelSpec) -> None:
    """Neither an index nor a warning, however much they differ."""
    found = shift_of(known, [row(0.5, "lateral")] * (LEAST - 1))
    assert found.warning is None
    told = f"distribution shift: too few images to compare (199, expected {LEAST} or more)"
    assert str(found) == told
    section = json.loads(json.dumps(found, default=to_plain))
    assert (section["probabilities"]["index"], section["input_check"]["index"]) == (None, None)


def test_chance_is_rarely_above_the_limit() -> None:
    """From the least number of images on practically never; seldom for half as many.

    Two images of one patient that are alike count as one.
    """
    rng = np.random.default_rng(3)

    def warned(images: int) -> float:
        runs = rng.multinomial(images, [1 / TENTHS] * TENTHS, 10_000).tolist()
        return float(np.mean([stability_index(run, [1] * TENTHS) > LIMIT for run in runs]))

    assert warned(LEAST) < 0.001
    assert warned(LEAST // 2) < 0.01
    assert warned(LEAST // 4) > 0.1


def test_a_model_without_anything_to_compare_with_is_silent(known: ModelSpec) -> None:
    """A few validation images have deciles of chance; the input check is compared without them."""
    assert DistributionShift.of(replace(known, provenance=None, input_check=None)) is None
    for facts in (replace(FACTS, score_deciles=()), replace(FACTS, validation_films=LEAST - 1)):
        alone = DistributionShift.of(replace(known, provenance=facts))
        assert alone
        assert (alone.probabilities is None, alone.input_check is None) == (True, False)


def test_the_spec_of_a_site_is_not_compared_and_says_why(known: ModelSpec) -> None:
    """In the summary and in the manifest, from which the same is read again."""
    site = SiteFacts(100, 50, 80, "0" * 64, "2026-01-02")
    found = shift_of(replace(known, site=site), [row(0.5, "lateral")] * 300)
    assert found.warning is None
    assert str(found).startswith("distribution shift: not compared, since the spec is that of a")
    section = json.loads(json.dumps(found, default=to_plain))
    assert section["not_compared"] in str(found)
    assert DistributionShift.recorded(section) == found


def test_a_manifest_has_enough_to_compare_again(known: ModelSpec) -> None:
    """The same rows lead to the same section; damage leads to none, and to no error."""
    rows = [row(0.5, "lateral")] * 300
    found = shift_of(known, rows)
    section = json.loads(json.dumps(found, default=to_plain))
    again = DistributionShift.recorded(section)
    assert again
    for one in rows:
        again.add(one)
    assert again == found
    for damaged in (None, 3, [], {}, {"probabilities": {"deciles": [0.1] * 9}},
                    {"input_check": {"training": {"name": "a", "images": 10**400, "flagged": 1}}},
                    {"input_check": {"training": {"images": "x"}}}):  # fmt: skip
        assert DistributionShift.recorded(damaged) is None


def test_a_probability_that_was_edited_is_not_counted(known: ModelSpec) -> None:
    """A report without a digest may hold anything."""
    found = shift_of(known, [row(0.5) | {"probability": text} for text in ("", "x", "nan", "-1")])
    assert found.probabilities
    assert found.probabilities.images == 0
