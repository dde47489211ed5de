"""The benchmarks: what they compute from times, that they start, and which page they serve."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from fakes import ROOT, SAMPLES
from pydicom import Dataset
from pydicom.uid import RLELossless

BENCH = ROOT / "bench"
SCRIPTS = sorted(path for path in BENCH.glob("*.py") if "\ndef main(" in path.read_text("utf-8"))


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``bench/pairs.py``, which lies in no package."""
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module("pairs")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_benchmark_serves_a_page(script: Path) -> None:
    """Its docstring names the pages that show what it prints, and each of them names it."""
    pages = re.findall(r"docs/[a-z-]+\.md", script.read_text("utf-8").split('"""')[1])
    assert pages
    for page in pages:
        assert f"bench/{script.name}" in (ROOT / page).read_text("utf-8"), page


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_benchmark_starts(script: Path) -> None:
    """Its imports are there, and it says how it is called."""
    done = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage:")


def test_damage_is_measured_without_pylibjpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way to store an image is made with libraries that cxr-edge itself needs."""
    monkeypatch.syspath_prepend(BENCH)
    monkeypatch.delitem(sys.modules, "damage", raising=False)  # the tests have one of this name
    asked: list[str] = []

    def refuse(_: Dataset, syntax: str, **__: object) -> None:
        asked.append(syntax)

    monkeypatch.setattr(Dataset, "compress", refuse)
    damage = importlib.import_module("damage")
    monkeypatch.delitem(sys.modules, "damage")
    assert sum(1 for _ in damage.stored()) == 13
    assert asked == [RLELossless]


@pytest.mark.slow
def test_many_files_can_be_measured(tmp_path: Path) -> None:
    """The report that the script makes is one that a scan finds complete."""
    script = [sys.executable, str(BENCH / "million.py"), "--files", "30"]
    done = subprocess.run(
        [*script, "--scratch", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("cxr scan") == 2


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
    links = sorted((tmp_path / "many" / "images").iterdir())
    assert len(links) == 20
    assert {link.resolve() for link in links} == {image.resolve() for image in images}
