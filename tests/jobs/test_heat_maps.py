"""Heat maps of a scan: beside its report, never instead of it."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest
from fakes import ROOT
from heat_model import HeatRuntime, write_heat_model
from image_folders import write_mixed
from runs import rows, session_of

from cxr_edge.cli.scan import page_sinks
from cxr_edge.errors import ReportError
from cxr_edge.imaging.heat_map_file import heat_map_path
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.reports import heat_maps as module
from cxr_edge.reports.heat_maps import HeatMapFolder, Wanted
from cxr_edge.spec.model_spec import ModelSpec

FAULTS = ROOT / "tests" / "support" / "faults"


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_mixed(tmp_path / "films", phantoms)


@pytest.fixture
def plain(images: Path, tmp_path: Path, spec: ModelSpec) -> ScanJob:
    """A scan without heat maps, by a model that gives some."""
    model = Model("cd" * 32, "onnx", HeatRuntime(spec))
    session = session_of(model, batching=Batching(4), workers=2)
    return ScanJob([images], tmp_path / "report.csv", session)


def with_maps(job: ScanJob, text: str = "positives") -> ScanJob:
    """Return the same scan with heat maps."""
    session = job.session
    place = job.out.parent / "maps"
    folder = HeatMapFolder(place, session.model, session.decision, Wanted.parse(text))
    return dataclasses.replace(job, heat_maps=folder)


def drawn(job: ScanJob) -> dict[str, bytes]:
    place = job.out.parent / "maps"
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


def expected(job: ScanJob, text: str) -> set[str]:
    chosen = Wanted.parse(text).of(rows(job.out))
    return {f"{row['path']}.png" for row in chosen}


@pytest.mark.parametrize("text", ["all", "top:3"])
def test_the_page_of_the_same_scan_shows_them(plain: ScanJob, text: str) -> None:
    """It is made after the last of them is drawn."""
    job = dataclasses.replace(with_maps(plain, text), page=plain.out.with_name("report.html"))
    run_scan(job, page_sinks(job, 100))
    assert job.page
    shown = job.page.read_text("utf-8").count('"heat_map":')
    assert shown == len(expected(plain, text)) > 0


@pytest.mark.parametrize("text", ["positives", "all", "top:3"])
def test_the_report_is_the_same_and_pictures_stand_beside_it(plain: ScanJob, text: str) -> None:
    """Every image that is to have a picture has one, and the rows do not know of them."""
    run_scan(plain)
    report = plain.out.read_bytes()
    plain.out.rename(plain.out.with_name("old.csv"))
    plain.out.with_name("report.run.json").unlink()
    run_scan(with_maps(plain, text))
    assert plain.out.read_bytes() == report
    names = expected(plain, text)
    assert 0 < len(names) < 12
    assert drawn(plain).keys() == names
    assert all(cv2.imread(str(plain.out.parent / "maps" / name)) is not None for name in names)


@pytest.mark.parametrize("text", ["positives", "top:3"])
def test_a_finished_report_gets_those_that_are_missing(plain: ScanJob, text: str) -> None:
    """The same command with the option; what is there is not drawn again."""
    run_scan(plain)
    run_scan(with_maps(plain, text))
    first = drawn(plain)
    assert first.keys() == expected(plain, text)
    gone, stays = sorted(first)[:2]
    place = plain.out.parent / "maps"
    (place / gone).unlink()
    before = (place / stays).stat().st_mtime_ns
    runtime = plain.session.model.runtime
    assert isinstance(runtime, HeatRuntime)
    runtime.batches.clear()
    run_scan(with_maps(plain, text))
    assert drawn(plain) == first
    assert (place / stays).stat().st_mtime_ns == before
    assert sum(runtime.batches) == 1


def test_a_scan_that_was_cut_short_has_all_in_the_end(plain: ScanJob) -> None:
    """A row that is there has its picture, and a rerun makes the rest."""
    run_scan(with_maps(plain))
    whole = drawn(plain)
    plain.out.write_bytes(plain.out.read_bytes()[:-300])
    for name in list(whole)[-2:]:
        (plain.out.parent / "maps" / name).unlink()
    run_scan(with_maps(plain))
    assert drawn(plain) == whole


def test_pictures_of_another_model_or_threshold_are_replaced(plain: ScanJob) -> None:
    """They tell in themselves what they were made from, so none is taken for another's."""
    run_scan(with_maps(plain, "all"))
    first = drawn(plain)
    session = plain.session
    other = dataclasses.replace(session, model=dataclasses.replace(session.model, sha256="ef" * 32))
    run_scan(with_maps(dataclasses.replace(plain, session=other, fresh=True), "all"))
    second = drawn(plain)
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first)


def test_a_picture_that_cannot_be_written_costs_no_row(
    plain: ScanJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are complete; the error says which pictures lack, and a rerun makes them."""
    run_scan(plain)
    report = plain.out.read_bytes()
    plain.out.unlink()
    plain.out.with_name("report.run.json").unlink()
    job = with_maps(plain, "all")
    real = module.draw_overlay
    monkeypatch.setattr(module, "draw_overlay", lambda *_: 1 / 0)
    with pytest.raises(ReportError, match=r"11 heat maps could not be written \(0.png, .*\): div"):
        run_scan(job)
    assert plain.out.read_bytes() == report
    monkeypatch.setattr(module, "draw_overlay", real)
    run_scan(with_maps(plain, "all"))
    assert len(drawn(plain)) == 11


def test_a_file_of_somebody_else_stays(plain: ScanJob) -> None:
    """A picture of that name that cxr-edge did not draw is not replaced."""
    place = heat_map_path(plain.out.parent / "maps", "0.png")
    place.parent.mkdir()
    place.write_bytes(b"mine")
    with pytest.raises(ReportError, match=r"1 heat map .*there is a file that is no heat map"):
        run_scan(with_maps(plain, "all"))
    assert place.read_bytes() == b"mine"
    assert len(drawn(plain)) == 11
    assert len(rows(plain.out)) == 13


@pytest.mark.parametrize("workers", [1, 3])
def test_the_command_writes_them(
    cxr: Callable[..., Any], images: Path, tmp_path: Path, spec: ModelSpec, workers: int
) -> None:
    """With an ONNX model that gives maps, in the process that it supervises."""
    model = write_heat_model(tmp_path / "heat.onnx", spec)
    words = ("scan", images, "--model", model, "-o", tmp_path / "r.csv", "--workers", workers)
    result = cxr(*words, "--runtime", "onnx", "--heatmaps", tmp_path / "maps")
    assert result.exit_code == 3, result.output
    place = tmp_path / "maps"
    found = {path.relative_to(place).as_posix() for path in place.rglob("*.png")}
    table = rows(tmp_path / "r.csv")
    positive = {f"{row['path']}.png" for row in table if row["label"] == "PNEUMONIA"}
    assert found == positive
    assert positive
    assert f"heat maps: {len(positive)} in {place}" in result.output
    none = cxr(*words, "--runtime", "onnx", "--heatmaps", place, "--threshold", 1, "--fresh")
    assert f"heat maps: none in {place}, since no image is over the threshold" in none.output


def test_a_model_without_any_is_told_how_to_get_one(
    cxr: Callable[..., Any], images: Path, tmp_path: Path, spec: ModelSpec
) -> None:
    """Nothing is scanned, and no folder is made."""
    model = write_heat_model(tmp_path / "m.onnx", spec, maps=False)
    words = ("scan", images, "-o", tmp_path / "r.csv", "--heatmaps", tmp_path / "maps")
    words += ("--model", model)
    result = cxr(*words)
    assert result.exit_code == 1
    assert "expected a model with a heat map, fake has none; export it again" in result.output
    assert not (tmp_path / "maps").exists()
    assert not (tmp_path / "r.csv").exists()
    stream = cxr("scan", images, "-o", tmp_path / "r.csv", "--heatmaps", "-")
    assert stream.exit_code == 2
    assert "expected a file or folder, got -" in stream.output
    alone = cxr("scan", images, "-o", tmp_path / "r.csv", "--heatmaps-for", "all")
    assert alone.exit_code == 2
    assert "--heatmaps-for needs a folder" in alone.output


@pytest.mark.slow
def test_a_crash_of_the_decoder_costs_no_heat_map(
    images: Path, tmp_path: Path, spec: ModelSpec
) -> None:
    """The process that follows draws the rest, and those in hand in a process of their own."""
    model = write_heat_model(tmp_path / "heat.onnx", spec)
    (images / "5a.png").write_bytes(b"crash")
    (tmp_path / "maps/b").mkdir(parents=True)
    (tmp_path / "maps/b/.half-0.png").write_text("left by a crash in the middle of a heat map")
    paths = [str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "cxr_edge", "scan", str(images), "--model", str(model),
         "--out", str(tmp_path / "r.csv"), "--heatmaps", str(tmp_path / "maps"),
         "--heatmaps-for", "all", "--workers", "2"],
        env={**os.environ, "CXR_TEST_FAULTS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    table = rows(tmp_path / "r.csv")
    assert [row["reason"] for row in table if row["path"] == "5a.png"] == ["decoder-crash"]
    place = tmp_path / "maps"
    found = {path.relative_to(place).as_posix() for path in place.rglob("*.png")}
    assert found == {f"{row['path']}.png" for row in table if row["status"] == "ok"}
    assert len(found) == 11
