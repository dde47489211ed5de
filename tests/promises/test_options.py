"""Every option and argument of every command, given what nobody would sensibly give it."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from fakes import SAMPLES

from cxr_edge.cli.app import app
from cxr_edge.cli.numbers import range_of
from cxr_edge.errors import ExitCode

pytestmark = pytest.mark.slow

COMMANDS: dict[str, Any] = dict(typer.main.get_command(app).commands)

NUMBERS = ("0", "-1", "0.5", "nan", "-nan", "inf", "-inf", "1e18", "1e999", "9" * 30, "9" * 5000,
           "-" + "9" * 30, "", " ", "many", "0x10", "\u0663", "\udcff")  # fmt: skip
"""Zero, negative, fractions, no numbers, infinite, huge, and text."""

TEXTS = ("", " ", "-", "nan", "-1", "x" * 300, "x" * 5000, "a\nb", "\x1b[31mred", "\udcff", "..",
         "no/such/place", "/dev/null", "/dev/full", "some.txt", "folder")  # fmt: skip
"""Names that are none, too long or of the wrong kind."""

SECONDS = 30
"""Seconds within which a command must have refused, or done what little there is to do; loading
TensorFlow takes most of them where it is loaded."""

PLACE = {
    "scan": {"paths": "image.jpg", "runtime": "onnx", "batch_size": "1"},
    "convert": {"source": "image.jpg", "target": "converted"},
    "doctor": {"folder": "folder"},
    "receive": {"allow": "MODALITY", "address": "192.0.2.1"},  # no address of any machine
    "send": {"to": "PACS@127.0.0.1:9"},
    "benchmark": {"folder": "missing", "model": "folder"},
    "calibrate": {"model": "folder", "labels": "folder"},
    "export": {"model": "folder"},
    "verify": {"package": "folder"},
}
"""Arguments and options of commands that are quick, and models where a missing one is told first.

All others get paths that do not exist.
"""


BY_THE_COMMAND = {"convert --bits": (8, 16), "train --channels": (1, 3)}
"""Options with two numbers, which no range describes."""


@dataclass(frozen=True)
class Parameter:
    """An option or argument of a command, with what else the command needs."""

    command: str
    it: Any  # typer keeps the class to itself

    @property
    def is_option(self) -> bool:
        return bool(self.it.param_type_name == "option")

    @property
    def is_number(self) -> bool:
        return self.it.type.name in ("int", "float")

    @property
    def is_flag(self) -> bool:
        return bool(getattr(self.it, "is_flag", False))

    def words(self, value: str) -> list[str]:
        """Return the command with this value, and with what it cannot go without."""
        given = PLACE.get(self.command, {})
        arguments, options = [], []
        for other in COMMANDS[self.command].params:
            text = value if other is self.it else given.get(other.name, "missing")
            if other.param_type_name == "argument":
                arguments.append(text)
            elif other is self.it or other.required or other.name in given:
                options.append(f"{max(other.opts, key=len)}={text}")
        return [self.command, *options, "--", *arguments]

    def takes(self, text: str) -> bool:
        """Tell whether the text is a number in the range that the help shows."""
        kind = int if self.it.type.name == "int" else float
        try:
            number = kind(text)
        except ValueError:
            return False
        if str(self) in BY_THE_COMMAND:
            return number in BY_THE_COMMAND[str(self)]
        within = range_of(self.it)
        return within is not None and within.least <= number <= within.most

    def __str__(self) -> str:
        return f"{self.command} {self.it.opts[0]}"


def parameters() -> Iterator[Parameter]:
    for name, command in COMMANDS.items():
        yield from (Parameter(name, parameter) for parameter in command.params)


NUMERIC = [parameter for parameter in parameters() if parameter.is_number]
TEXTUAL = [each for each in parameters() if not each.is_number and not each.is_flag]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> Path:  # noqa: ARG001
    """A folder to be in, with an image, a text and a folder; the folder above has nothing else."""
    folder = tmp_path / "here"
    (folder / "folder").mkdir(parents=True)
    (folder / "image.jpg").write_bytes((SAMPLES / "phantom-normal.jpg").read_bytes())
    (folder / "some.txt").write_text("text")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("parameter", NUMERIC, ids=str)
@pytest.mark.usefixtures("here")
def test_a_number_out_of_range_is_refused(cxr: Callable[..., Any], parameter: Parameter) -> None:
    """Exit code 2 and the option's name, whatever is given; and every option has two bounds."""
    if str(parameter) not in BY_THE_COMMAND:
        assert parameter.is_option
        within = range_of(parameter.it)
        assert within is not None
        assert math.isfinite(within.least)
        assert math.isfinite(within.most)
    for text in NUMBERS:
        result = run(cxr, parameter.words(text))
        if not parameter.takes(text):
            assert result.exit_code == ExitCode.USAGE, text
            assert parameter.it.opts[0] in result.output, text
            assert "expected" in result.output, text
            assert "is not" not in result.output, text  # typer's own words


@pytest.mark.parametrize("parameter", TEXTUAL, ids=str)
def test_no_text_ends_in_a_traceback(
    cxr: Callable[..., Any], here: Path, parameter: Parameter
) -> None:
    """Each command ends within seconds by a code of the list, and leaves devices alone."""
    for text in TEXTS:
        run(cxr, parameter.words(text))
    assert Path("/dev/null").is_char_device()
    assert (here / "some.txt").read_text() == "text"


def run(cxr: Callable[..., Any], words: list[str]) -> Any:  # typer keeps the class to itself
    """Run a command in this process, which must end as every command ends."""
    started = time.monotonic()
    result = cxr(*words)
    shown = f"{[word[:40] for word in words]}: {result.exception!r}\n{result.output}"
    assert result.exception is None or isinstance(result.exception, SystemExit), shown
    assert result.exit_code in set(ExitCode), shown
    assert time.monotonic() - started < SECONDS, shown
    return result
