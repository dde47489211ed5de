"""The table of commands, and what ``cxr`` makes of it: help, suggestions, completion."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import grimp
import pytest
import typer

from cxr_edge.cli.app import EXIT_CODES, app
from cxr_edge.cli.choices import DeviceName, EngineName, RuntimeName, ShardFormatName
from cxr_edge.cli.commands import COMMANDS, Command
from cxr_edge.errors import ExitCode
from cxr_edge.jobs.scan_engine import RAY
from cxr_edge.models.registry import RUNTIMES
from cxr_edge.reports.run_manifest import THREADS
from cxr_edge.reports.shard_rows import ShardFormat
from cxr_edge.runtimes.providers import AUTO, DEVICES

NAMES = [command.name for command in COMMANDS]


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_every_command_of_the_table_exists(command: Command) -> None:
    """Its module has a function of its name with a docstring, which is its help."""
    function = getattr(importlib.import_module(command.module), command.name)
    assert function.__doc__


def test_the_notes_of_tensorflow_are_dropped_wherever_it_may_be_loaded() -> None:
    """A command whose code reaches Keras says so in the table."""
    graph = grimp.build_graph(
        "cxr_edge", "cxr_export", include_external_packages=True, cache_dir=None
    )
    for command in COMMANDS:
        if graph.chain_exists(importer=command.module, imported="keras"):
            assert command.tensorflow, command.name


def test_a_word_means_one_command() -> None:
    """Names and synonyms are all different, so that a suggestion is never a guess of two."""
    words = [word for command in COMMANDS for word in (command.name, *command.synonyms)]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("word", "command"),
    [("scna", "scan"), ("predict", "scan"), ("classify", "scan"), ("clasify", "scan"),
     ("eval", "evaluate"), ("parity", "verify"), ("heatmap", "explain"), ("bench", "benchmark")],
)  # fmt: skip
def test_a_wrong_command_gets_a_suggestion(
    cxr: Callable[..., Any], word: str, command: str
) -> None:
    """A misspelt name, and a word of other tools, both lead to the command."""
    result = cxr(word)
    assert result.exit_code == ExitCode.USAGE
    assert f"Did you mean '{command}'?" in result.output


def test_a_word_without_a_meaning_gets_no_suggestion(cxr: Callable[..., Any]) -> None:
    """Nothing is guessed."""
    result = cxr("xyzzy")
    assert result.exit_code == ExitCode.USAGE
    assert "No such command 'xyzzy'." in result.output


@pytest.mark.parametrize("width", [80, 120])
def test_help_is_whole_at_every_width(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """No line is wider than the terminal, and every exit code is a line of a list."""
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", width)
    output = cxr("--help").output
    assert max(map(len, output.splitlines())) <= width
    assert set(EXIT_CODES) == set(ExitCode)
    lines = {line.strip() for line in output.splitlines()}
    assert lines >= {f"• {code:d}: {meaning}" for code, meaning in EXIT_CODES.items()}


@pytest.mark.parametrize("command", NAMES)
def test_help_of_every_command_fits_into_80_columns(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Every name of an option is whole, and --help is the last line of the same panel."""
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    output = cxr(command, "--help").output
    assert "\u2026" not in output
    assert max(map(len, output.splitlines())) <= 80
    words = re.split(r"[\s,]+", output)
    parameters = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    for parameter in parameters:
        if parameter.param_type_name == "option":
            assert {*parameter.opts, *parameter.secondary_opts} <= set(words), parameter.name
    *_, panel = output.split("─ Output ")
    lines = panel[: panel.index("╰")].splitlines()
    assert lines[-1].lstrip("│ ").startswith("--help ")


@pytest.mark.parametrize("command", ["", *NAMES])
def test_a_paragraph_of_help_is_not_broken_in_a_sentence(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """On a wide terminal a paragraph is one line, however the source is broken into lines."""
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 2000)
    output = cxr(*filter(None, [command]), "-h").output
    text = output.split("╭")[0].splitlines()
    paragraphs = [line.strip() for line in text if line.strip()][1:]
    assert paragraphs
    assert all(line[-1] in ".:" and not line[0].islower() for line in paragraphs), paragraphs


def complete(words: str) -> list[str]:
    """Return what bash would be offered behind these words."""
    number = len(words.split()) - (not words.endswith(" "))
    done = subprocess.run(
        [sys.executable, "-c", "from cxr_edge.cli.entry import main; main()"],
        env={**os.environ, "_CXR_COMPLETE": "complete_bash", "COMP_WORDS": words,
             "COMP_CWORD": str(number)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("cxr ", NAMES),
        ("cxr sc", ["scan"]),
        ("cxr scan --dev", ["--device"]),
        ("cxr verify --self", ["--self-test"]),
        ("cxr benchmark . --runtime ", ["auto", "onnx", "litert", "openvino"]),
        ("cxr benchmark . --device te", ["tensorrt"]),
    ],
)
def test_the_shell_completes(words: str, offered: list[str]) -> None:
    """Commands and the options of commands that are loaded when they are asked for."""
    assert complete(words) == offered


def test_completion_can_be_installed(cxr: Callable[..., Any]) -> None:
    """The script of a shell is printed, and calls this command."""
    output = cxr("--show-completion").output + cxr("--help").output
    assert "--install-completion" in output


def test_choices_are_those_that_there_are() -> None:
    """The help offers the runtimes of the registry, the devices of the table and so on."""
    assert [*RuntimeName] == [AUTO, *RUNTIMES]
    assert {*DeviceName} == {*DEVICES}
    assert [*EngineName] == [THREADS, RAY]
    assert [*ShardFormatName] == [*ShardFormat]
