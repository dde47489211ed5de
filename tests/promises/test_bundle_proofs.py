"""The scripts that prove bundles: what they would find if a machine gave other results."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ROOT, SAMPLES

SCRIPTS = ROOT / "scripts"


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_one_of_a_posix_shell(script: Path) -> None:
    """Debian's sh reads it, which is no bash."""
    subprocess.run(["/bin/sh", "-n", script], check=True)


def replaced(old: str, new: str) -> Callable[[str], str]:
    def edit(report: str) -> str:
        assert old in report
        return report.replace(old, new, 1)

    return edit


GOLDEN = (SAMPLES / "golden-report.csv").read_text("utf-8")
SCORE = next(line.split(",")[3] for line in GOLDEN.splitlines()[1:] if line.split(",")[3])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda report: report, 0),
        (replaced(SCORE, f"{float(SCORE) - 0.0005:.6f}"), 0),
        (replaced(SCORE, f"{float(SCORE) - 0.002:.6f}"), 4),
        (replaced(",PNEUMONIA,", ",NORMAL,"), 4),
        (replaced(",failed,", ",ok,"), 4),
        (lambda report: "".join(report.splitlines(keepends=True)[:-1]), 4),
    ],
    ids=["equal", "near", "far", "label", "status", "row missing"],
)
def test_reports_of_two_machines_are_compared_row_by_row(
    tmp_path: Path, edit: Callable[[str], str], code: int
) -> None:
    """Every label and failure is the same, and probabilities differ by at most 0.001."""
    for name, text in (("here", GOLDEN), ("there", edit(GOLDEN))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx.csv").write_text(text, "utf-8")
    words = [sys.executable, SCRIPTS / "compare_reports.py", tmp_path / "here", tmp_path / "there"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    assert f"| {'FAILED' if code else 'passed'} |" in done.stdout


@pytest.mark.slow
def test_a_report_that_is_not_there_is_no_pass(tmp_path: Path) -> None:
    """Nothing compared is nothing proved."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    words = [sys.executable, SCRIPTS / "compare_reports.py", tmp_path / "here", tmp_path / "there"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 4
