"""The container: what its file promises, and its health check, on the health files of a watch."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fakes import ROOT

from cxr_edge.jobs.watch_state import EVERY, HEALTH, State, WatchState

FOLDER = ROOT / "scripts" / "container"
TEXT = (FOLDER / "Containerfile").read_text("utf-8").replace("\\\n", " ")
LINES = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and line[0] not in "# "]


def values(instruction: str) -> list[str]:
    """Return what follows an instruction, each time that it is used."""
    return [words[1] for words in LINES if words[0] == instruction]


def test_it_runs_the_watch_as_a_user_without_rights() -> None:
    """The user is a fixed number, which every engine can compare with zero; nothing is root's."""
    (user,) = values("USER")
    assert re.fullmatch(r"([1-9]\d{3,}):\1", user)
    assert user.split(":")[0] in next(line for line in values("RUN") if line.startswith("useradd "))
    (entry,), (words,) = values("ENTRYPOINT"), values("CMD")
    assert [*json.loads(entry), *json.loads(words)] == (
        ["/opt/cxr/bin/cxr", "watch", "/inbox", "--out", "/out"]
    )


def test_its_packages_are_those_that_are_tested() -> None:
    """Pip obeys constraints.txt, the wheel's build environment too, and the base is one version."""
    assert "PIP_CONSTRAINT=/source/constraints.txt" in values("ENV")
    (install,) = (line for line in values("RUN") if '"install"' in line)
    (extra,) = re.findall(r'"\.\[(\w+)\]"', install)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert extra in project["optional-dependencies"]
    (base,) = values("ARG")
    assert re.fullmatch(r"BASE=python:3\.11-slim-\w+", base)
    assert {line.split()[0] for line in values("FROM")} == {"${BASE}"}


def test_only_what_it_is_made_of_reaches_the_build() -> None:
    """The ignore file names each source, and nothing else: no key or image of the working tree."""
    ignored = (FOLDER / "Containerfile.containerignore").read_text("utf-8").splitlines()
    rules = [line for line in ignored if not line.startswith("#")]
    assert rules[0] == "*"
    copied = {
        source
        for line in values("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    }
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    for source in copied:
        assert (ROOT / source).exists(), source


def checked(*words: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", FOLDER / "health.py", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("state", State)
def test_it_is_healthy_while_the_watch_takes_files(tmp_path: Path, state: State) -> None:
    """A watch that waits for something, or ended, is not."""
    problem = None if state in {State.STARTING, State.WATCHING, State.STOPPED} else "no room"
    assert WatchState(tmp_path, tmp_path, state, problem).write(now=True)
    code, said = checked(tmp_path)
    works = state in {State.STARTING, State.WATCHING}
    assert code == (0 if works else 1)
    assert said == f"{'' if works else 'un'}healthy: {state}{': no room' if problem else ''}\n"


def test_it_is_unhealthy_once_the_watch_says_nothing_for_a_minute(tmp_path: Path) -> None:
    """A watch that was killed, or hangs, leaves its last health file."""
    WatchState(tmp_path, tmp_path, State.WATCHING).write(now=True)
    health = json.loads((tmp_path / HEALTH).read_text("utf-8"))
    for time, works in (("2026-01-31T10:00:00+00:00", False), (health["time"], True)):
        (tmp_path / HEALTH).write_text(json.dumps(health | {"time": time}), "utf-8")
        assert checked(tmp_path)[0] == (0 if works else 1)
    source = (FOLDER / "health.py").read_text("utf-8")
    assert int(re.findall(r"^SECONDS = (\d+)$", source, re.MULTILINE)[0]) > EVERY * 3


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"time": 3}', '{"time": "2026-01-31"}'])
def test_a_health_file_that_says_nothing_is_no_health(tmp_path: Path, content: str | None) -> None:
    """Neither is one that is not there; one sentence says so, and no traceback."""
    if content is not None:
        (tmp_path / HEALTH).write_text(content, "utf-8")
    code, said = checked(tmp_path)
    assert code == 1
    assert said.startswith("unhealthy: expected the health file of a watch, got ")
    assert said.count("\n") == 1
