"""``cxr calibrate``: the site check from the command line."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import SAMPLES

from cxr_edge.spec.model_spec import ModelSpec

pytestmark = pytest.mark.slow

ONNX = ("--runtime", "onnx")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    """Sixty drawn images of each class that the model ranks well, all above its threshold."""
    folder = tmp_path_factory.mktemp("site") / "images"
    phantoms.write_classes(folder, 60, 224)
    return folder


def test_the_spec_of_a_site_is_what_a_scan_decides_by(
    cxr: Callable[..., Any], site: Path, tmp_path: Path
) -> None:
    """Report, figures and spec are written; a scan with the spec takes its threshold, and with the
    threshold that is printed alone it decides alike."""
    written, out = tmp_path / "my site.json", tmp_path / "out"
    words = ("calibrate", "default", "--labels", site, "-o", out, *ONNX)
    words = (*words, "--screening-sensitivity", 0.8)
    result = cxr(*words, "--write", written)
    assert result.exit_code == 0, result.output
    assert f"cxr scan FOLDER --model default --spec '{written}'" in result.output
    figures = json.loads((out / "site-check.json").read_text())
    assert figures["site"]["images"] == 120
    assert "## Operating points for this site" in (out / "report.md").read_text()
    assert len((out / "predictions.csv").read_text().splitlines()) == 121

    spec = ModelSpec.from_json(written.read_text())
    assert [point.name for point in spec.operating_points] == ["screening", "balanced", "fixed-0.5"]
    point = spec.operating_point()
    scan = ("scan", SAMPLES / "phantom-opacities.jpg", *ONNX, "--out")
    assert cxr(*scan, tmp_path / "a.csv", "--spec", written).exit_code == 0
    assert cxr(*scan, tmp_path / "b.csv", "--threshold", f"{point.threshold:.6f}").exit_code == 0
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
    with (tmp_path / "a.csv").open(newline="") as file:
        assert float(next(csv.DictReader(file))["threshold"]) == point.threshold
    shown = cxr("models", "default", "--spec", written)
    assert "operating points measured on 120 images of 60 patients of a site" in shown.output

    again = cxr(*words, "--overwrite")
    assert f"--model default --threshold {point.threshold:.6f}" in again.output


def test_no_scan_is_recommended_where_the_model_is_close_to_useless(
    cxr: Callable[..., Any], site: Path, tmp_path: Path
) -> None:
    """Nearly all drawn images are called positive at screening: the spec is written, a note says
    from which figure this follows, and the last line names no scan."""
    written = tmp_path / "site.json"
    words = ("--labels", site, "-o", tmp_path / "out", "--write", written, *ONNX)
    result = cxr("calibrate", "default", *words)
    assert result.exit_code == 0, result.output
    assert written.exists()
    told = "the model is close to useless here"
    assert f"{told}: the specificity is 0." in result.output
    assert f"no scan is recommended: {told} at screening" in result.output.splitlines()[-1]
    assert "use it" not in result.output


def test_unreadable_images_are_refused_or_left_out(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """An error by default; with --skip-unreadable they are listed, and the exit code is 3."""
    data = Path(shutil.copytree(class_folders, tmp_path / "data"))
    next((data / "NORMAL").iterdir()).write_bytes(b"no image")
    words = ("calibrate", "default", "--labels", data, "-o", tmp_path / "out", *ONNX)
    refused = cxr(*words)
    assert refused.exit_code == 1
    assert "expected readable images, 1 of 120 are not" in refused.output
    assert not (tmp_path / "out").exists()
    taken = cxr(*words, "--skip-unreadable")
    assert taken.exit_code == 3
    assert "left out, unreadable" in taken.output


@pytest.mark.parametrize(
    ("header", "labels", "message"),
    [
        ("path,label", ["NORMAL"] * 6 + ["PNEUMONIA"] * 6, "at least 40 images of NORMAL, got 6"),
        ("path,label", ["NORMAL"] * 60, "at least 40 images of PNEUMONIA, got 0"),
        ("path,label", ["NORMAL", "TB"] * 50, "expected the classes of the model"),
        ("file,label", ["NORMAL", "PNEUMONIA"] * 50, "column"),
    ],
)
def test_a_table_that_will_not_do_is_refused(
    cxr: Callable[..., Any], tmp_path: Path, header: str, labels: list[str], message: str
) -> None:
    """Few rows, one class, other classes and unknown columns each have their message; nothing is
    written."""
    table = tmp_path / "site.csv"
    rows = [f"{number}.png,{label}" for number, label in enumerate(labels)]
    for number in range(len(labels)):
        shutil.copy(SAMPLES / "phantom-normal.jpg", tmp_path / f"{number}.png")
    table.write_text("\n".join([header, *rows]) + "\n")
    result = cxr("calibrate", "default", "--labels", table, "-o", tmp_path / "out", *ONNX)
    assert result.exit_code == 1, result.output
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("read", ["site.csv", "spec.json"])
def test_what_is_read_is_not_replaced(cxr: Callable[..., Any], tmp_path: Path, read: str) -> None:
    """Labels and a spec that are read survive --write to their name, --overwrite or not."""
    for name in ("site.csv", "spec.json"):
        (tmp_path / name).write_text("precious")
    words = ("--labels", tmp_path / "site.csv", "--spec", tmp_path / "spec.json")
    place = ("-o", tmp_path / "out", "--write", tmp_path / read, "--overwrite")
    result = cxr("calibrate", "default", *words, *place)
    assert result.exit_code == 2
    assert f"--write: expected another file than {tmp_path / read}" in result.output
    assert (tmp_path / read).read_text() == "precious"
