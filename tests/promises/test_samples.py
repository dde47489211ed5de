"""The committed samples and their golden report."""

import csv
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import SAMPLES

from cxr_edge.errors import ExitCode, ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.pipeline.discover import discover
from cxr_export.packaging.golden import IMAGES

GOLDEN = SAMPLES / "golden-report.csv"
BAD = {"text.png", "truncated.jpg"}


def test_the_generator_draws_the_committed_samples(phantoms: ModuleType, tmp_path: Path) -> None:
    """Every sample can be made again: same names, and gray values that CPUs round no further."""
    phantoms.write_samples(tmp_path)
    made = {item.path: item.file for item in discover([tmp_path])}
    committed = {item.path: item.file for item in discover([SAMPLES])}
    assert made.keys() == committed.keys()
    for name in made.keys() - BAD:
        one, other = (decode(files[name].read_bytes()).pixels for files in (made, committed))
        np.testing.assert_allclose(one.astype(int), other, atol=4, err_msg=name)
    for name in BAD:
        with pytest.raises(ImageError):
            decode(committed[name].read_bytes())


def test_the_samples_show_both_classes_and_both_kinds_of_failure() -> None:
    """The demo shows each thing that a report can say: every label, and rows that failed."""
    with GOLDEN.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        kind = "PNEUMONIA" if "opacities" in row["path"] else "NORMAL"
        assert row["label"] == ("" if row["path"] in BAD else kind)
    assert {row["reason"] for row in rows} == {"", "not-an-image", "truncated"}


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two files have the same bytes, or for PNG, whose packing may differ, pixels."""
    if one.suffix != ".png":
        return one.read_bytes() == other.read_bytes()
    pixels = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (one, other)]
    return np.array_equal(*pixels)


def test_the_generator_draws_the_golden_images(phantoms: ModuleType, tmp_path: Path) -> None:
    """The images of the self-test can be made again too, and stay small."""
    phantoms.write_golden(tmp_path)
    names = sorted(path.name for path in IMAGES.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert same_file(tmp_path / name, IMAGES / name), name
    assert sum(path.stat().st_size for path in IMAGES.iterdir()) < 250_000


def test_samples_are_small() -> None:
    """A clone stays quick: under 2 MB for all of them."""
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < 2_000_000


def test_a_scan_gives_the_golden_report(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """All columns are the same; probabilities within what CPUs may differ by."""
    report = tmp_path / "report.csv"
    result = cxr("scan", SAMPLES, "--runtime", "onnx", "--out", report)
    assert result.exit_code == ExitCode.SOME_FAILED
    with report.open(newline="") as file, GOLDEN.open(newline="") as golden:
        rows, expected = list(csv.DictReader(file)), list(csv.DictReader(golden))
    for row, wanted in zip(rows, expected, strict=True):
        one, other = row.pop("probability"), wanted.pop("probability")
        assert row == wanted
        assert bool(one) == bool(other)
        if one:
            assert float(one) == pytest.approx(float(other), abs=1e-4)
