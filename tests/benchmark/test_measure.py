"""Figures that ``cxr benchmark`` measures and prints; never how fast it is."""

import csv
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from fakes import SAMPLES
from runs import session_of

from cxr_edge.benchmark.images import link_images
from cxr_edge.benchmark.rows import BenchmarkFigures, BenchmarkRow, Setting
from cxr_edge.models.locate import default_package
from cxr_edge.system.cpu import usable_cpus

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("measure")]

FEW = ("--images", 3, "--rounds", 1)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any], Path]:
    """One benchmark of two settings that run and two that cannot."""
    from typer.testing import CliRunner

    from cxr_edge.cli.app import app

    folder = tmp_path_factory.mktemp("benchmark")
    words = ("benchmark", SAMPLES, *FEW, "--runtime", "onnx", "--workers", "1",
             "--device", "cpu", "--device", "cuda", "--batch-size", "1", "--batch-size", "2",
             "--json", folder / "b.json", "--plot", folder / "b.png")  # fmt: skip
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result, json.loads((folder / "b.json").read_text()), folder


def test_every_combination_is_a_row(measured: tuple[Any, dict[str, Any], Path]) -> None:
    """In the order of the options; each says what was asked for."""
    result, data, _ = measured
    assert result.exit_code == 0, result.output
    asked = [(row["asked"]["device"], row["asked"]["batch_size"]) for row in data["rows"]]
    assert asked == [("cpu", 1), ("cpu", 2), ("cuda", 1), ("cuda", 2)]
    assert all(set(row["asked"]) == set(Setting.__dataclass_fields__) for row in data["rows"])
    assert (data["images"], data["distinct_images"], data["rounds"]) == (3, 3, 1)
    assert data["machine"]["usable_cpus"] == usable_cpus()


def test_figures_are_whole_and_agree(measured: tuple[Any, dict[str, Any], Path]) -> None:
    """All fields are there, and those that follow from others do."""
    _, data, _ = measured
    for row in data["rows"][:2]:
        found = BenchmarkFigures(**row["figures"])
        assert row["error"] is None
        assert (found.runtime, found.provider) == ("onnx", "CPUExecutionProvider")
        assert all(
            value > 0
            for field, value in dataclasses.asdict(found).items()
            if not isinstance(value, str)
        ), found
        assert found.share == pytest.approx(found.end_to_end_rate / found.ideal_rate)
        alone = (found.decode_cpu_ms + found.inference_cpu_ms) / 1e3
        assert found.ideal_rate == pytest.approx(usable_cpus() / alone)
        assert found.p50_ms <= found.p95_ms <= found.p99_ms
        assert found.peak_bytes > 20_000_000


def test_what_cannot_run_stops_nothing(measured: tuple[Any, dict[str, Any], Path]) -> None:
    """A device that is not there is a row with the reason, in the table and in the JSON."""
    result, data, _ = measured
    for row in data["rows"][2:]:
        assert row["figures"] is None
        assert "cuda" in row["error"].lower()
        assert row["error"] in result.output
    assert "onnx (cuda)" in result.output


def test_the_plot_is_a_picture(measured: tuple[Any, dict[str, Any], Path]) -> None:
    """A PNG that anything opens."""
    assert cv2.imread(str(measured[2] / "b.png")) is not None


@pytest.mark.parametrize("share", [0.5, 0.97, 1.0, 1.2])
def test_no_value_is_drawn_over_the_mark(
    measured: tuple[Any, dict[str, Any], Path], share: float
) -> None:
    """Wherever the ideal is, the value stands at its own bar, and the mark beside it."""
    plot = pytest.importorskip("cxr_edge.benchmark.plot")
    row = measured[1]["rows"][0]
    rate = 123.4
    figures = BenchmarkFigures(
        **row["figures"] | {"end_to_end_rate": rate, "ideal_rate": rate / share}
    )
    figure = plot.figure_of_rates([BenchmarkRow(Setting(**row["asked"]), figures, "")])
    figure.draw_without_rendering()
    (axis,) = figure.axes
    (label,) = [text for text in axis.texts if text.get_text() == "123.4"]
    mark = axis.transData.transform((figures.ideal_rate, 0))[0]
    box = label.get_window_extent()
    assert box.x1 < mark - 2 or box.x0 > mark + 2  # pixels: the mark is a thin line
    bar = next(bar for bar in axis.patches if bar.get_width() == rate).get_window_extent()
    assert bar.y0 < box.y0 < box.y1 < bar.y1
    assert box.x1 < bar.x1


def test_nothing_that_runs_is_an_error(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Exit code 1, and the reasons are written all the same."""
    out = tmp_path / "b.json"
    words = ("--runtime", "onnx", "--device", "cuda", "--json", out, "--plot", tmp_path / "b.png")
    result = cxr("benchmark", SAMPLES, *FEW, *words)
    assert result.exit_code == 1, result.output
    assert json.loads(out.read_text())["rows"][0]["error"]


def test_images_are_repeated_or_cut(tmp_path: Path) -> None:
    """A pass has as many images as asked for, all readable: other files are left out."""
    for count, distinct in ((3, 3), (20, 7)):
        folder = tmp_path / str(count)
        folder.mkdir()
        assert link_images(SAMPLES, count, folder) == distinct
        images = [path.resolve() for path in sorted(folder.iterdir())]
        assert len(images) == count
        assert len(set(images)) == distinct
        assert not {"text.png", "truncated.jpg"} & {path.name for path in images}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{tmp}"], "at least one image that can be read"),
        (["{tmp}/none"], "does not exist"),
        ([SAMPLES, "--model", "{tmp}/none.onnx"], "none.onnx does not exist"),
        ([SAMPLES, "{tmp}"], "unexpected extra argument"),
        ([SAMPLES, "--runtime", "fast"], "'fast' is not one of 'auto', 'onnx'"),
        ([SAMPLES, "--workers", "0"], "'--workers': 0 is not in the range 1<=x<=1024"),
        ([SAMPLES, "--batch-size", "1,"], "'--batch-size': '1,' is not a valid int"),
        (
            [SAMPLES, "--json", "{tmp}/none/b.json"],
            "--json: expected a file in a folder that exists",
        ),
        ([SAMPLES, "--plot", "{tmp}/rates.txt"], "--plot: expected the name of a .png file"),
        ([SAMPLES, "--plot", "/proc/x.png"], "--plot: /proc/x.png cannot be written"),
    ],
)
def test_what_cannot_work_is_told_at_once(
    cxr: Callable[..., Any], tmp_path: Path, words: list[object], message: str
) -> None:
    """Exit code 2, before anything is measured."""
    (tmp_path / "notes.jpg").write_text("no image")
    result = cxr("benchmark", *(str(word).format(tmp=tmp_path) for word in words))
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_a_plot_without_its_extra_names_it(
    cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is measured."""
    monkeypatch.delitem(sys.modules, "cxr_edge.benchmark.plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = cxr("benchmark", SAMPLES, *FEW, "--plot", tmp_path / "b.png")
    assert result.exit_code == 1
    assert "cxr benchmark --plot needs the extra 'evaluate'" in result.output


@pytest.mark.parametrize("name", ["model.onnx", "model.tflite"])
def test_a_single_file_is_measured(cxr: Callable[..., Any], tmp_path: Path, name: str) -> None:
    """A single file is measured; a runtime that cannot run it is a row with the reason."""
    out = tmp_path / "b.json"
    model = default_package() / name
    each = ("--runtime", "onnx", "--runtime", "litert")
    result = cxr("benchmark", SAMPLES, "--model", model, *FEW, *each, "--json", out)
    assert result.exit_code == 0, result.output
    errors = [row["error"] for row in json.loads(out.read_text())["rows"]]
    assert sorted(error is None for error in errors) == [False, True]


def test_what_is_measured_is_the_scan(tmp_path: Path) -> None:
    """The pass from end to end leaves a report with a row for each image."""
    from cxr_edge.benchmark.passes import Passes
    from cxr_edge.jobs.scan_job import ScanJob
    from cxr_edge.models.open import open_artefact
    from cxr_edge.pipeline.discover import discover

    images = tmp_path / "images"
    images.mkdir()
    link_images(SAMPLES, 5, images)
    model = open_artefact(runtime="onnx", threads=1)
    job = ScanJob([images], tmp_path / "r.csv", session_of(model), fresh=True)
    passes = Passes(job, model, list(discover([images])))
    assert set(passes.once()) == {
        "end to end", "decode", "inference", "decode alone", "inference alone"
    }  # fmt: skip
    assert len(passes.latencies) == 5
    with job.out.open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["ok"] * 5
