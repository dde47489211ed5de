"""What the benchmarks compute from the times they take."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from fakes import ROOT, SAMPLES


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``bench/pairs.py``, which lies in no package."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module("pairs")


def test_a_ratio_is_taken_pair_by_pair(pairs: ModuleType) -> None:
    """A machine that gets slower between the rounds does not change the ratio."""
    rounds = [
        pairs.Pair(pairs.Timing(8, slow, slow / 2), pairs.Timing(8, slow * 3, slow))
        for slow in (1.0, 5.0, 2.0)
    ]
    assert pairs.ratios(rounds, "command") == pairs.Spread(3, 3, 3)
    assert pairs.ratios(rounds, "inside") == pairs.Spread(2, 2, 2)


def test_images_are_repeated_up_to_the_count(pairs: ModuleType, tmp_path: Path) -> None:
    """A folder gives as many files as asked for, however few images it has, in one class folder."""
    images = pairs.repeat(SAMPLES, tmp_path / "many", 20)
    links = sorted((tmp_path / "many" / "films").iterdir())
    assert len(links) == 20
    assert {link.resolve() for link in links} == {image.resolve() for image in images}
