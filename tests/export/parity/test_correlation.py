"""The figures by which heat maps and features are judged."""

import numpy as np
import pytest

from cxr_export.parity.correlation import feature_correlation, map_correlation

MAPS = np.random.default_rng(0).normal(0, 1, (4, 3, 5)).astype(np.float32)


def test_a_logit_more_or_less_is_not_the_maps_affair() -> None:
    """Scores are judged by themselves; a map is judged by where its evidence is."""
    shifted = MAPS + np.arange(4, dtype=np.float32)[:, np.newaxis, np.newaxis]
    assert map_correlation(MAPS, shifted) == pytest.approx(1)


def test_other_places_and_another_sign_show() -> None:
    """Mirrored, turned around in sign, of other images or with other axes."""
    assert map_correlation(MAPS, MAPS[:, :, ::-1]) < 0.9
    assert map_correlation(MAPS, -MAPS) == pytest.approx(-1)
    assert map_correlation(MAPS, MAPS[::-1]) < 0.9
    assert map_correlation(MAPS, MAPS.transpose(0, 2, 1)) == 0


def test_a_value_that_is_no_number_is_no_agreement() -> None:
    """NaN and infinity count as nothing in common."""
    for value in (np.nan, np.inf):
        broken = MAPS.copy()
        broken[0, 0, 0] = value
        assert map_correlation(MAPS, broken) == 0


def test_maps_without_pattern_agree_with_each_other_alone() -> None:
    """A network whose places are all alike is no error of the artefact."""
    flat = np.ones_like(MAPS)
    assert map_correlation(flat, 2 * flat) == 1
    assert map_correlation(flat, MAPS) == 0
    assert map_correlation(None, MAPS) is None


def test_features_are_judged_by_their_values() -> None:
    """Other features, or those of another image, do not pass; one image is enough to tell."""
    features = MAPS.reshape(4, -1)
    assert feature_correlation(features, features) == pytest.approx(1)
    assert feature_correlation(features, features[::-1]) < 0.9
    assert feature_correlation(features[:1], features[:1]) == pytest.approx(1)
    assert feature_correlation(features, features[:, :3]) == 0
    assert feature_correlation(features, None) is None
