"""``cxr sr``."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES
from pydicom import dcmread

from cxr_edge.errors import ExitCode

PLANTED = ("Quixworth", "MRN7741902", "1.2.826.0.1.7741.902")


@pytest.fixture
def report(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cxr: Callable[..., Any],
    quick: None,  # noqa: ARG001
) -> Path:
    """A report of two films, whose headers say of whom they are, in the folder to be in."""
    monkeypatch.chdir(tmp_path)
    Path("films").mkdir()
    for name in ("phantom-opacities-monochrome1.dcm", "phantom-opacities-monochrome2.dcm"):
        image = dcmread(SAMPLES / name)
        image.PatientName, image.PatientID, image.StudyInstanceUID = PLANTED
        image.save_as(Path("films") / name)
    result = cxr("scan", "films", "--runtime", "onnx", "--batch-size", 1, "-q")
    assert result.exit_code == 0, result.output
    return Path("report.csv")


def test_reports_are_written_and_identifiers_stay_in_them(
    cxr: Callable[..., Any], report: Path
) -> None:
    """The files say of whom they are, as DICOM demands; what is printed does not."""
    for there in ("", " (2 there before)"):
        result = cxr("sr", report, "-o", "sr")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith(f"2 structured reports{there}\nfailed 0\nfolder: sr\n")
        assert not [text for text in PLANTED if text in result.output]
    for path in Path("sr").iterdir():
        assert dcmread(path).PatientID == PLANTED[1]
    assert cxr("sr", report, "-o", "sr", "-q").stdout == ""


def test_a_folder_of_other_heat_maps_is_told(cxr: Callable[..., Any], report: Path) -> None:
    """The reports are written all the same; of the right folder nothing is said."""
    Path("other").mkdir()
    told = "warning: no heat map in other fits an image of report.csv: check --overlays"
    result = cxr("sr", report, "-o", "sr", "--overlays", "other", "-q")
    assert result.exit_code == 0
    assert told in result.stderr
    words = ("scan", "films", "--runtime", "onnx", "--heatmaps", "maps", "--heatmaps-for", "all")
    assert cxr(*words, "--batch-size", 1).exit_code == 0
    assert cxr("sr", report, "-o", "sr", "--overlays", "maps", "-q").output == ""


def test_images_without_a_report_are_counted_by_why(cxr: Callable[..., Any], report: Path) -> None:
    """With exit code 3; one that has no UID too, of which nothing is quoted."""
    next(Path("films").iterdir()).unlink()
    result = cxr("sr", report, "-o", "sr")
    assert result.exit_code == ExitCode.SOME_FAILED
    assert "1 structured report\nfailed 1: 1 the image is not where it was scanned" in result.stdout


def test_bad_use_is_told_in_a_sentence(
    cxr: Callable[..., Any], report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing folder, standard output, a report of another version, a missing extra."""
    for words, message in (
        (("-o", "-"), "--out: expected a file or folder, got -"),
        (("-o", "films/sr"), "is inside"),
        (("-o", "sr", "--images", "none"), "--images: none does not exist"),
        (("-o", "sr", "--overlays", "none"), "--overlays: none does not exist"),
        (("-o", "sr", "--overlays", report), "--overlays: expected a folder, got the file"),
    ):
        result = cxr("sr", report, *words)
        assert result.exit_code == ExitCode.USAGE, words
        assert message in result.output
    manifest = json.loads(Path("report.run.json").read_text())
    Path("report.run.json").write_text(json.dumps(manifest | {"manifest_version": 99}))
    result = cxr("sr", report, "-o", "sr")
    assert result.exit_code == ExitCode.ERROR
    assert "cannot be written as DICOM; scan again; or use that version" in result.output
    for name in [name for name in sys.modules if name.startswith("cxr_edge.jobs.sr_job")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("cxr_edge.reports.dicom_sr", "cxr_edge.reports.dicom_folder"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    result = cxr("sr", report, "-o", "sr")
    assert result.exit_code == ExitCode.ERROR
    assert "cxr sr needs the extra 'pacs' (highdicom is not installed)" in result.output
    assert not Path("sr").exists()
