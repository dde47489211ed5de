"""``cxr scan --html``."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES
from pages import Page

from cxr_edge.errors import ExitCode
from cxr_edge.models.locate import default_package, package_spec
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.reports.html.page import is_page


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> Path:  # noqa: ARG001
    """A folder of three images and one file that fails, beside which the report goes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("phantom-normal.jpg", "phantom-opacities.jpg", "truncated.jpg"):
        shutil.copy(SAMPLES / name, folder)
    return Path(shutil.copy(SAMPLES / "phantom-opacities-monochrome1.dcm", folder)).parent


def scan(cxr: Callable[..., Any], *words: object) -> Any:  # typer keeps the class to itself
    return cxr("scan", *words, "--runtime", "onnx", "--batch-size", 1)


def test_a_scan_writes_the_page_of_its_report(cxr: Callable[..., Any], images: Path) -> None:
    """With pictures and the figures of its model; the same again when nothing is left to do."""
    sensitivity = package_spec(default_package()).operating_point().sensitivity
    assert sensitivity
    for _ in range(2):
        result = scan(cxr, images, "--html", "page.html")
        assert result.exit_code == ExitCode.SOME_FAILED
        assert "page: page.html" in result.stdout
        found = Page(Path("page.html"))
        assert len(found.rows) == 4
        assert sum(name.startswith("picture-") for name in found.scripts) == 3
        assert f"Validated sensitivity {sensitivity.value:.3f}" in " ".join(found.text.split())
        assert "The scan is not finished" not in found.text


def test_the_page_is_none_of_the_files(cxr: Callable[..., Any], images: Path) -> None:
    """In the scanned folder it is neither taken nor counted, by the first scan and the next."""
    for _ in range(2):
        scan(cxr, images, "--html", images / "page.html", "--thumbnails", "none")
        assert json.loads(Path("report.run.json").read_text())["skipped"] == {}


def test_other_files_are_kept(cxr: Callable[..., Any], images: Path) -> None:
    """The report, its manifest, and a page that somebody else wrote; before anything is scanned."""
    Path("theirs.html").write_text("<!DOCTYPE html><title>theirs</title>")
    for name, message in (
        ("report.csv", "expected another file than the report"),
        ("report.run.json", "expected another file than the report"),
        ("theirs.html", "exists already"),
        ("no/page.html", "--html: expected a file in a folder that exists"),
        ("-", "--html: expected a file"),
    ):
        result = scan(cxr, images, f"--html={name}")
        assert result.exit_code == ExitCode.USAGE, name
        assert message in result.output
    assert "theirs" in Path("theirs.html").read_text()
    assert not Path("report.csv").exists()
    result = scan(cxr, images, "--html", "page.html", "-o", "-")
    assert "--html needs a report to be made of" in result.output


@pytest.mark.parametrize("value", ["none", "top:500"])
def test_pictures_without_a_page_are_refused(
    cxr: Callable[..., Any], images: Path, value: str
) -> None:
    """Nothing is scanned, whatever the number is."""
    result = scan(cxr, images, "--thumbnails", value)
    assert result.exit_code == ExitCode.USAGE
    assert "--thumbnails is for the page; add --html HTML, or leave it out" in result.output
    assert not Path("report.csv").exists()


def test_an_interrupted_scan_has_a_page_of_what_there_is(
    cxr: Callable[..., Any], images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pictures, which take time, and it says that images may be missing."""
    from cxr_edge.reports.csv_report import CsvSink

    write = CsvSink.write

    def interrupt(sink: CsvSink[Outcome], outcomes: list[Outcome]) -> None:
        write(sink, outcomes)
        if sink._counts.rows >= 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CsvSink, "write", interrupt)
        assert scan(cxr, images, "--html", "page.html").exit_code == ExitCode.INTERRUPTED
    found = Page(Path("page.html"))
    assert len(found.rows) == 2
    assert "The scan is not finished" in found.text
    assert not any(name.startswith("picture-") for name in found.scripts)
    assert scan(cxr, images, "--html", "page.html").exit_code == ExitCode.SOME_FAILED
    assert len(Page(Path("page.html")).rows) == 4
    assert is_page(Path("page.html"))
