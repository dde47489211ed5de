"""The documentation: its files are written, its commands run and print what it shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from fakes import ROOT, SAMPLES

from cxr_edge.cli.app import app
from cxr_edge.models.locate import default_package

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"^```(?:console|\w+ title=\"(?P<title>[^\"]+)\")\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)
PROBABILITY = r"(?<!p = )\b[01]\.\d{6}\b"
TIME_OR_NUMBER = re.compile(
    rf"(?P<kept>{PROBABILITY})|\d+m?s\b|\d+([.,](?!{PROBABILITY})\d+)*(e[-+]\d+)?|@[0-9a-f]{{12}}"
)

UNLIKE_A_READER = {"CI", "BUILD_NUMBER"}  # by these pytest does not fit its lines to the terminal


def blocks(page: Path) -> list[tuple[str | None, str]]:
    """Return the files of a page, each with its name, and its sessions, without, in order."""
    text = page.read_text(encoding="utf-8")
    return [(found["title"], found["text"]) for found in BLOCK.finditer(text)]


def commands(session: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a session, each with the lines shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def shape(line: str) -> str:
    """Return a line with its white space, and its numbers but probabilities, made alike."""
    return " ".join(TIME_OR_NUMBER.sub(lambda found: found["kept"] or "#", line).split())


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    """Each command of a page but make runs, in order, and prints the lines below it.

    A block with a title is a file, written when its turn comes. Numbers may differ, but not
    those of six decimals, which are probabilities or differences of them. ``make`` is
    what runs these tests, so it is left out; ``...`` stands for lines that are not shown.
    """
    (tmp_path / "samples").symlink_to(SAMPLES)
    environment = {
        **{key: value for key, value in os.environ.items() if key not in UNLIKE_A_READER},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
    }
    for title, text in blocks(page):
        if title:
            (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / title).write_text(text, encoding="utf-8")
            continue
        for command, shown in commands(text):
            if shlex.split(command)[0] in {"cxr", "python", "cut", "cp"}:
                check(command, shown, tmp_path, environment)


def check(command: str, shown: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a command as the reader's shell would, and look for what the page shows."""
    done = subprocess.run(
        ["bash", "-c", command],  # noqa: S607
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3), f"{command}: {done.stdout}{done.stderr}"
    printed = {shape(line) for line in (done.stdout + done.stderr).splitlines()}
    for line in shown:
        assert line == "..." or shape(line) in printed, f"{command}: {line!r} not in\n{printed}"


def test_every_command_is_documented() -> None:
    """Each subcommand stands in the README and in some session that is run."""
    readme = (ROOT / "README.md").read_text()
    run = " ".join(
        command
        for page in PAGES
        for title, text in blocks(page)
        if not title
        for command, _ in commands(text)
    )
    for name in typer.main.get_command(app).commands:
        assert f"cxr {name}" in readme
        assert f"cxr {name}" in run


def test_the_readme_tells_the_figures_of_the_card() -> None:
    """Operating points in the README, and counts of images and patients, are the model card's."""
    readme = (ROOT / "README.md").read_text("utf-8").replace(" (default)", "")
    card = (default_package() / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| [\w.-]+ \| [01]\.\d{6} \| .*$", readme, re.MULTILINE)
    assert len(rows) == 3
    assert all(row in card for row in rows)
    told = " ".join(readme.replace(",", "").split())
    trained = re.findall(r"(\d+ images of \d+) patients", card)[0]
    assert trained in told
