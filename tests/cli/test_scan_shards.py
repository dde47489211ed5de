"""``cxr scan --shards`` and ``cxr merge``, as a user meets them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES

from cxr_edge.errors import ExitCode


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> Path:  # noqa: ARG001
    """A folder with two images and a file that fails, beside the folder to be in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    for name in ("a.jpg", "c.jpg"):
        shutil.copy(SAMPLES / "phantom-normal.jpg", tmp_path / "films" / name)
    shutil.copy(SAMPLES / "text.png", tmp_path / "films" / "b.png")
    return Path("films")


def scan(cxr: Callable[..., Any], *words: object) -> Any:  # typer keeps the class to itself
    return cxr("scan", *words, "--runtime", "onnx", "--batch-size", 1)


def test_shards_and_the_report_of_them(cxr: Callable[..., Any], films: Path) -> None:
    """The summaries say where the rows are; the report equals that of a scan."""
    result = scan(cxr, films, "--shards", "s", "--shard-size", 2)
    assert result.exit_code == ExitCode.SOME_FAILED, result.output
    assert "2 shards of up to 2 files each: s; 'cxr merge' makes one report" in result.stdout
    assert "--retry-failed" not in result.stdout
    again = scan(cxr, films, "--shards", "s", "--shard-size", 2)
    assert "3 files, all already in the shards; nothing to do" in again.stdout
    result = cxr("merge", "s", "-o", "merged.csv")
    assert result.exit_code == ExitCode.SOME_FAILED, result.output
    assert "3 files\n" in result.stdout
    scan(cxr, films, "-o", "report.csv")
    assert Path("merged.csv").read_bytes() == Path("report.csv").read_bytes()
    assert cxr("merge", "s", "-o", "quiet.csv", "-q").stdout == ""


def test_json_tells_the_folder(cxr: Callable[..., Any], films: Path) -> None:
    """The manifest is on one line, without the digest; the log has its events."""
    result = scan(cxr, films, "--shards", "s", "--json", "--log-json")
    told = json.loads(result.stdout)
    assert (told["folder"], told["shards"]["count"], "digest" in told) == ("s", 1, False)
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert [event["event"] for event in events] == ["start", "failed", "progress", "end"]
    assert events[0]["out"] == "s"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--shards", "s", "-o", "r.csv"], "--out and --shards exclude each other"),
        (["--shards", "s", "--html", "r.html"], "--html needs the one report.*'cxr report'"),
        (["--shards", "s", "--format", "jsonl"], "--format needs the one report.*'cxr report'"),
        (["--shards", "s", "--retry-failed"], "--retry-failed needs the one report.*merge"),
        (["--shards", "s", "--add-new"], "--add-new needs the one report.*merge"),
        (["--shards", "s", "--quarantine", "q"], "--quarantine needs the one report.*merge"),
        (["--shards", "s", "--heatmaps", "h"], "--heatmaps needs the one report"),
        (["--shards", "films/s"], "s is inside films"),
        (["--shards", "none/s"], "the folder none does not exist; make it first"),
        (["--shards", "-"], "--shards: expected a folder, got '-'"),
        (["--shards", ""], "--shards: expected a folder, got ''"),
        (["--shards", "films/a.jpg"], "expected a folder, but|is inside"),
        (["--shards", "s", "--shard-size", 0], "expected a whole number"),
        (["--shard-size", 5], "--shard-size is for shards; add --shards PLACE"),
        (["--shard-format", "csv"], "--shard-format is for shards; add --shards PLACE"),
    ],
)
def test_what_cannot_be_is_refused(
    cxr: Callable[..., Any], films: Path, words: list[object], told: str
) -> None:
    """In one sentence, before anything is written."""
    result = scan(cxr, films, *words)
    assert result.exit_code == ExitCode.USAGE, result.output
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())
    assert re.search(told, said), said
    assert [file.name for file in Path().iterdir()] == ["films"]
