"""The input check by statistics: what is far is unlike, and the head names the kind."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from fakes import FakeRuntime
from statistics_of import FEATURES, statistics

from cxr_edge.errors import ModelInvalid
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.models.features import require_features
from cxr_edge.models.model import Model
from cxr_edge.pipeline.input_check import CHECKS, checks_for
from cxr_edge.pipeline.statistics_check import StatisticsCheck, see
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.input_statistics import KINDS
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.packed import pack

FACTS = SourceFacts(64, 64, "png")
GRAY = np.full((64, 64, 1), 128, np.uint8)


def flags(check: StatisticsCheck, features: Sequence[float]) -> Sequence[str]:
    return check.flags(GRAY, FACTS, np.float32(features))


@pytest.mark.parametrize(
    ("roots", "distance"),
    [((1, 1, 1), 0), ((1.1, 1, 1), 1), ((1, 1.2, 1), 1), ((1, 1, 1.2), 4), ((1.1, 1.2, 1.2), 6)],
)
def test_distances_go_by_the_variance_of_each_direction(
    roots: Sequence[float], distance: float
) -> None:
    """A direction with four times the variance counts a quarter; those left out share one."""
    check = StatisticsCheck(statistics(most=4.5))
    seen = see(GRAY[np.newaxis], np.float32([roots]) ** 2)
    assert check.distances(seen)[0] == pytest.approx(distance, abs=1e-3)
    assert ("unlike-training-data" in flags(check, np.square(roots))) == (distance > 4.5)


@pytest.mark.parametrize("row", range(len(KINDS)))
def test_the_largest_value_over_zero_names_the_kind(row: int) -> None:
    """Below zero an image is a frontal chest X-ray; of two values, the larger one speaks."""
    head = [(row, 0, 2.0), ((row + 1) % len(KINDS), 0, 1.5)]
    check = StatisticsCheck(statistics(head, most=1e9))
    assert flags(check, (1, 1, 1)) == [KINDS[row]]
    assert flags(check, (0.16, 1, 1)) == []


def test_the_picture_counts_as_well() -> None:
    """The head sees the thumbnail's gray values from 0 to 1, and the histogram."""
    check = StatisticsCheck(statistics([(0, FEATURES, 2.1)], most=1e9))
    assert flags(check, (1, 1, 1)) == [KINDS[0]]
    assert check.flags(GRAY // 2, FACTS, np.float32([1, 1, 1])) == []
    seen = see(GRAY[np.newaxis], np.zeros((1, FEATURES)))[0]
    assert seen[-16:].tolist() == [0] * 8 + [1] + [0] * 7


@pytest.mark.parametrize("features", [(np.nan, 1, 1), (np.inf, 1, 1), (3e38, 3e38, 3e38)])
@pytest.mark.parametrize("scale", [10.0, 3e38])
def test_a_distance_that_is_no_number_is_not_a_near_one(
    features: Sequence[float], scale: float, recwarn: pytest.WarningsRecorder
) -> None:
    """Features that overflow, and damaged statistics, let no image pass; nothing is printed."""
    damaged = dataclasses.replace(statistics(), scale=pack([scale] * 3))
    assert "unlike-training-data" in flags(StatisticsCheck(damaged), features)
    assert not recwarn.list


def test_an_image_without_features_is_not_left_unchecked() -> None:
    """A runtime that gives none, or others, is refused."""
    for features, got in ((None, "none"), (np.ones(4, np.float32), r"\(4,\)")):
        with pytest.raises(ModelInvalid, match=f"expected 3 features .* got {got}; export"):
            StatisticsCheck(statistics()).flags(GRAY, FACTS, features)


def test_negative_features_keep_their_sign() -> None:
    """Networks whose last activation goes below zero have statistics too."""
    assert see(GRAY[np.newaxis], np.float32([[-4, 0, 9]]))[0, :3].tolist() == [-2, 0, 3]


def test_a_model_with_statistics_has_one_check_more(spec: ModelSpec) -> None:
    """One without has those of every scan."""
    assert checks_for(spec) == CHECKS
    *same, last = checks_for(dataclasses.replace(spec, input_check=statistics()))
    assert tuple(same) == CHECKS
    assert isinstance(last, StatisticsCheck)


def test_features_must_be_those_of_the_statistics(spec: ModelSpec) -> None:
    """A spec of another artefact is refused when it is opened, so that no check is left out."""

    class Runtime(FakeRuntime):
        def run(self, pixels: np.ndarray) -> Outputs:
            given = super().run(pixels)
            return dataclasses.replace(given, features=np.ones((len(pixels), 3), np.float32))

    require_features(Model("0", "fake", Runtime(spec)), 3)
    with pytest.raises(ModelInvalid, match=r"expected 4 features .* got 3"):
        require_features(Model("0", "fake", Runtime(spec)), 4)
    with pytest.raises(ModelInvalid, match="got none; export it again"):
        require_features(Model("0", "fake", FakeRuntime(spec)), 3)
