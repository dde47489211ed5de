"""``cxr scan --format``, and ``cxr report`` with the name of a table."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES

from cxr_edge.errors import ExitCode


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> Path:  # noqa: ARG001
    """A folder with an image, which is the folder to be in."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(SAMPLES / "phantom-normal.jpg", tmp_path / "a.jpg")).parent


def scan(cxr: Callable[..., Any], *words: object) -> Any:  # typer keeps the class to itself
    return cxr("scan", *words, "--runtime", "onnx", "--batch-size", 1)


def test_tables_stand_beside_the_report(cxr: Callable[..., Any], image: Path) -> None:
    """In the scanned folder they are neither taken nor counted; the CSV is always written."""
    both = ("--format", "jsonl", "--format", "parquet", "--format", "csv")
    for _ in range(2):
        result = scan(cxr, image, *both)
        assert result.exit_code == 0, result.output
        assert "table: report.jsonl\ntable: report.parquet\n" in result.stdout
        assert json.loads(Path("report.run.json").read_text())["skipped"] == {}
    assert json.loads(Path("report.jsonl").read_text())["path"] == "a.jpg"
    result = cxr("report", "report.csv", "-o", "again.parquet")
    assert (result.exit_code, result.stdout) == (0, "1 row: again.parquet\n")
    assert Path("again.parquet").read_bytes() == Path("report.parquet").read_bytes()
    result = cxr("report", "report.csv", "-o", "again.parquet")
    assert "exists already" in result.output
    assert cxr("report", "report.csv", "-o", "again.parquet", "--overwrite", "-q").stdout == ""


def test_other_files_are_kept(cxr: Callable[..., Any], image: Path) -> None:
    """Before anything is scanned: somebody else's file, a folder, and standard output."""
    Path("report.jsonl").write_text('{"path": "theirs"}\n')
    Path("report.parquet").write_text("theirs")
    Path("other.jsonl").mkdir()
    for words, message in (
        (("--format", "jsonl"), "report.jsonl exists already, and cxr-edge did not write it"),
        (("--format", "parquet"), "report.parquet exists already, and cxr-edge did not write it"),
        (("--format", "jsonl", "-o", "other.csv"), "expected a file in a folder that exists"),
        (("--format", "jsonl", "-o", "-"), "--format needs a report to stand beside"),
        (("--format", "jsonl", "-o", "b.csv", "--html", "b.jsonl"), "expected two files"),
        (("--format", "jsonl", "--out="), "--out: expected a file, but . is a folder"),
        (("--format", "xlsx"), "'xlsx' is not one of"),
        (("-o", "r.parquet"), "name it .csv, and add --format parquet"),
    ):
        result = scan(cxr, image, *words)
        assert result.exit_code == ExitCode.USAGE, words
        assert message in result.output
    assert Path("report.parquet").read_text() == "theirs"
    assert not Path("report.csv").exists()


def test_without_pyarrow_the_extra_is_named(
    cxr: Callable[..., Any], image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is scanned; JSON Lines need nothing."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = scan(cxr, image, "--format", "parquet")
    assert result.exit_code == ExitCode.ERROR
    assert "a Parquet file needs the extra 'parquet' (pyarrow is not installed)" in result.output
    assert not Path("report.csv").exists()
    assert scan(cxr, image, "--format", "jsonl").exit_code == 0
    assert "needs the extra 'parquet'" in cxr("report", "report.csv", "-o", "x.parquet").output


def test_the_name_says_what_a_report_becomes(cxr: Callable[..., Any], image: Path) -> None:
    """A page or a table, and nothing else; what is for pages goes with no table."""
    scan(cxr, image)
    for words, message in (
        (("-o", "x.json"), "expected a name that ends in .html, .jsonl or .parquet"),
        (("-o", "x.jsonl", "--images", "."), "--images is for pages; leave it out for x.jsonl"),
        (("-o", "x.jsonl", "--thumbnails", "none"), "--thumbnails is for pages"),
        (("-o", "no/x.jsonl"), "expected a file in a folder that exists"),
    ):
        result = cxr("report", "report.csv", *words)
        assert result.exit_code == ExitCode.USAGE, words
        assert message in result.output
    assert "but . is a folder" in cxr("report", "", "-o", "x.jsonl").output
    manifest = json.loads(Path("report.run.json").read_text())
    Path("report.run.json").write_text(json.dumps(manifest | {"exit_code": 130}))
    result = cxr("report", "report.csv", "-o", "x.jsonl")
    assert result.exit_code == 0
    assert "warning: report.csv is not finished, so x.jsonl is not either" in result.output
    Path("report.run.json").unlink()
    assert "report.run.json is missing" in cxr("report", "report.csv", "-o", "y.jsonl").output
