"""``cxr report``."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES
from pages import Page

from cxr_edge.errors import ExitCode
from cxr_edge.reports.html.page import is_page


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report without a manifest, in the folder to be in."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(SAMPLES / "golden-report.csv", tmp_path / "report.csv"))


def test_the_page_stands_beside_the_report(cxr: Callable[..., Any], report: Path) -> None:
    """It is named after it, and shows the images where they are said to be."""
    result = cxr("report", report, "--images", SAMPLES)
    assert (result.exit_code, result.stdout) == (0, f"9 images: {report.with_suffix('.html')}\n")
    found = Page(report.with_suffix(".html"))
    assert found.picture("phantom-opacities-monochrome1.dcm")["view"]
    assert len(found.rows) == 9


@pytest.mark.parametrize(
    "text", ["top:0", "top:5001", "top:-1", "top:", "all", "", "500", "top:1e2"]
)
def test_a_wrong_number_of_pictures_is_refused(
    cxr: Callable[..., Any], report: Path, text: str
) -> None:
    """And nothing is written."""
    result = cxr("report", report, f"--thumbnails={text}")
    assert result.exit_code == ExitCode.USAGE
    assert "--thumbnails: expected none, or top:N" in result.output
    assert not report.with_suffix(".html").exists()


def test_the_terminal_says_what_the_page_lacks(cxr: Callable[..., Any], report: Path) -> None:
    """As the page does: a manifest, and the images where they are said to be."""
    result = cxr("report", report, "--images", report.parent, "-q")
    assert result.exit_code == 0
    assert (result.stdout, result.stderr.count("warning: ")) == ("", 2)
    text = Page(report.with_suffix(".html")).text
    for told in (
        "report.run.json is missing, so report.csv cannot be shown in full;",
        f"7 of 7 images were not found in {report.parent}: check --images",
    ):
        assert told in result.stderr
        assert told in text
    manifest = report.with_name("report.run.json")
    manifest.write_text('{"manifest_version": 99}')
    newer = cxr("report", report, "--overwrite")
    assert "was written by a newer version of cxr-edge" in newer.stderr
    assert "so report.csv cannot be shown in full; scan again; or use that version" in newer.stderr


@pytest.mark.parametrize("text", ["none", "0"])
def test_a_page_can_do_without_pictures(cxr: Callable[..., Any], report: Path, text: str) -> None:
    """No image is opened then."""
    assert cxr("report", report, "--images", SAMPLES, "--thumbnails", text).exit_code == 0
    assert "data:image/jpeg" not in report.with_suffix(".html").read_text("utf-8")


def test_the_report_is_never_replaced(cxr: Callable[..., Any], report: Path) -> None:
    """Neither is its manifest, by whatever name; nor the page, without --overwrite."""
    before = report.read_bytes()
    for name in ("report.csv", "./report.csv", "report.run.json"):
        result = cxr("report", report, "-o", name, "--overwrite")
        assert result.exit_code == ExitCode.USAGE
        assert "expected another file than the report and its manifest" in result.output
    report.with_name("link").symlink_to(report)
    assert cxr("report", report, "-o", "link", "--overwrite").exit_code == ExitCode.USAGE
    assert report.read_bytes() == before
    assert cxr("report", report, "-q").stdout == ""
    assert "exists already" in cxr("report", report).output
    assert cxr("report", report, "--overwrite").exit_code == 0
    assert is_page(report.with_suffix(".html"))


@pytest.mark.parametrize("place", ["-", "no/such/page.html", "/dev/null", ".", ""])
def test_a_place_that_cannot_be_is_refused(
    cxr: Callable[..., Any], report: Path, place: str
) -> None:
    """Before the report is read."""
    result = cxr("report", report, "--out", place)
    assert result.exit_code == ExitCode.USAGE
    assert "--out: expected a file" in result.output


def test_heat_maps_are_in_a_folder(cxr: Callable[..., Any], report: Path) -> None:
    """A file in its place is told, rather than a page without heat maps written."""
    result = cxr("report", report, "--heatmaps", report)
    assert result.exit_code == ExitCode.USAGE
    assert "--heatmaps: expected a folder, got the file" in result.output
    assert not report.with_suffix(".html").exists()
