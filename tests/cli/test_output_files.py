"""Files that commands write: what is there already is kept, unless asked."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES

from cxr_edge.cli.commands import COMMANDS
from cxr_edge.cli.output_files import check_files, keep_existing
from cxr_edge.errors import ExitCode, UsageError

IMAGE = SAMPLES / "phantom-normal.jpg"

WRITTEN = {
    "audit --json": (["audit", "{tmp}/data", "--json", "{tmp}/found"], "found"),
    "audit --fix": (["audit", "{tmp}/data", "--fix", "{tmp}/found"], "found"),
    "benchmark --json": (["benchmark", SAMPLES, "--json", "{tmp}/found"], "found"),
    "benchmark --plot": (["benchmark", SAMPLES, "--plot", "{tmp}/found.png"], "found.png"),
    "evaluate": (["evaluate", "{tmp}/data", "-o", "{tmp}/found"], "found/evaluation.json"),
    "calibrate": (
        ["calibrate", "default", "--labels", "{tmp}/data", "-o", "{tmp}/found"],
        "found/site-check.json",
    ),
    "calibrate --write": (
        ["calibrate", "default", "--labels", "{tmp}/data", "-o", "{tmp}/o", "--write", "{tmp}/s"],
        "s",
    ),
    "compare": (["compare", "{tmp}/data", "-o", "{tmp}/found"], "found/compare.md"),
    "export": (["export", IMAGE, "-o", "{tmp}/found"], "found/SHA256SUMS"),
    "explain": (
        ["explain", "{tmp}/m.keras", IMAGE, "-o", "{tmp}/found"],
        "found/phantom-normal.png",
    ),
    "bundle": (["bundle", "default", "-o", "{tmp}/found"], "found"),
    "bundle keygen": (["bundle", "keygen", "-o", "{tmp}/found"], "found.pub"),
    "report": (["report", SAMPLES / "golden-report.csv", "-o", "{tmp}/found"], "found"),
}
"""Commands that write files, each with one that may be there already."""

CONTINUED = {"scan", "watch", "convert", "train", "sr", "receive", "send"}
"""Commands that continue what is there, or start over with --fresh or another name."""

READERS = {"doctor", "models"}
"""Commands that write nothing."""

NEW_ONLY = {"merge", "relabel"}
"""Commands that write a new report, and never replace one."""

RECORDERS = {"verify"}
"""Commands that record their findings in the package; --no-write leaves it alone."""


def test_every_command_obeys_a_rule() -> None:
    """A new command that writes files belongs to one of the kinds."""
    overwriting = {words[0] for words, _ in WRITTEN.values()}
    names = {command.name for command in COMMANDS}
    assert names == overwriting | CONTINUED | NEW_ONLY | READERS | RECORDERS


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_that_is_there_is_kept(cxr: Callable[..., Any], tmp_path: Path, name: str) -> None:
    """The command stops before any work, names the file, and says how to replace it."""
    words, file = WRITTEN[name]
    for label in ("NORMAL", "PNEUMONIA"):
        (tmp_path / "data" / label).mkdir(parents=True)
    (tmp_path / "m.keras").write_bytes(b"")
    written = tmp_path / file
    written.parent.mkdir(exist_ok=True)
    written.write_text("precious")
    result = cxr(*(str(word).format(tmp=tmp_path) for word in words))
    assert result.exit_code == ExitCode.USAGE, result.output
    assert "already; choose another name, or replace with --overwrite" in result.output
    assert written.read_text() == "precious"


def test_the_option_is_the_same_everywhere() -> None:
    """Each of these commands has --overwrite."""
    for name in {words[0] for words, _ in WRITTEN.values()}:
        command = next(command for command in COMMANDS if command.name == name)
        function = getattr(importlib.import_module(command.module), name)
        assert "overwrite" in function.__annotations__


def test_what_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    """A folder, and a file in a folder that does not exist."""
    for place in (tmp_path, tmp_path / "none" / "f.json", Path("/dev/null")):
        with pytest.raises(UsageError, match="expected a file in a folder that exists"):
            check_files({"--json": place}, overwrite=True)


def test_asked_for_it_is_replaced(tmp_path: Path) -> None:
    """And several are named at once."""
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        file.touch()
    keep_existing("--out", files, overwrite=True)
    with pytest.raises(UsageError, match=r"a, .*b exist already"):
        keep_existing("--out", files, overwrite=False)


def test_two_options_cannot_name_one_file(tmp_path: Path) -> None:
    """One would replace the other without a word."""
    file = tmp_path / "f.json"
    with pytest.raises(UsageError, match=r"--json and --fix: expected two files"):
        check_files({"--json": file, "--fix": tmp_path / "." / "f.json"}, overwrite=True)
