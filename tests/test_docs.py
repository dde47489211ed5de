"""The documentation: its commands run, and print what it shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cxr_edge.cli import app
from fakes import ROOT, SAMPLES

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
TIME_OR_NUMBER = re.compile(r"\d+m?s\b|\d[\d.,]*(e[-+]\d+)?|@[0-9a-f]{12}")


def sessions(page: Path) -> list[tuple[str, list[str]]]:
    """Return the commands of a page, each with the lines shown below it."""
    found: list[tuple[str, list[str]]] = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def shape(line: str) -> str:
    """Return a line with its numbers and white space made alike."""
    return " ".join(TIME_OR_NUMBER.sub("#", line).split())


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    """Each command of a page but make runs, in order, and prints the lines below it.

    Numbers may differ. ``make`` is what runs these tests, so it is left out; ``...`` stands
    for lines that are not shown.
    """
    (tmp_path / "samples").symlink_to(SAMPLES)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
    }
    for command, shown in sessions(page):
        words = shlex.split(command)
        if words[0] not in {"cxr", "python", "cut", "cp"}:
            continue
        done = subprocess.run(
            ["bash", "-c", command],  # noqa: S607  (as the reader's shell would)
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 3), f"{command}: {done.stderr}"
        printed = {shape(line) for line in (done.stdout + done.stderr).splitlines()}
        for line in shown:
            assert line == "..." or shape(line) in printed, f"{command}: {line!r} not in\n{printed}"


def test_every_command_is_documented() -> None:
    """Each subcommand stands in the README and in some session that is run."""
    readme = (ROOT / "README.md").read_text()
    run = " ".join(command for page in PAGES for command, _ in sessions(page))
    for name in typer.main.get_command(app).commands:
        assert f"cxr {name}" in readme
        assert f"cxr {name}" in run
