"""The typer app, and the one place where errors become a line and an exit code."""

import atexit
import errno
import gc
import importlib
import io
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from copy import copy
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from cxr_edge import __version__
from cxr_edge.cli import panels
from cxr_edge.cli.commands import COMMANDS
from cxr_edge.cli.numbers import range_of
from cxr_edge.cli.progress_lines import progress_shown
from cxr_edge.errors import CxrError, ExitCode
from cxr_edge.system.printable import message_shown, printable, shortened
from cxr_edge.system.signals import INTERRUPTED

_MARKUP: Final = "markdown"  # the other modes break paragraphs at the source's line ends

EXIT_CODES: Final[Mapping[ExitCode, str]] = {
    ExitCode.DONE: "done",
    ExitCode.ERROR: "error; the last line says which",
    ExitCode.USAGE: "wrong use of the command",
    ExitCode.SOME_FAILED: "finished, but some files failed",
    ExitCode.GATE_FAILED: "a gate failed: parity, self-test or accuracy",
    ExitCode.INTERRUPTED: ("interrupted; scan and convert continue, train does with --resume"),
}
"""Meaning of each exit code, the same for all commands."""

_MEANT: Final = {
    word: command.name for command in COMMANDS for word in (command.name, *command.synonyms)
}
"""Command that is meant by a word."""


class _Commands(MutableMapping[str, Any]):  # Any: typer keeps the class of commands to itself
    """The subcommands by name, each loaded when it is asked for."""

    def __init__(self) -> None:
        self._table = {command.name: command for command in COMMANDS}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            command = self._table[name]
            function = getattr(importlib.import_module(command.module), name)
            alone = typer.Typer(add_completion=False, rich_markup_mode=_MARKUP)
            alone.command(name, cls=_CxrCommand, rich_help_panel=command.panel)(function)
            self._loaded[name] = typer.main.get_command(alone)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


class _CxrCommand(TyperCommand):
    """A subcommand whose help is narrow enough for 80 columns, and whose paths are local."""

    def __init__(self, *words: Any, **attributes: Any) -> None:
        super().__init__(*words, **attributes)
        from cxr_edge.cli.local_path import take_local_paths

        take_local_paths(self.params)

    def get_help_option(self, ctx: Any) -> Any:
        """Return ``--help``, which is the last line of the same panel in every command."""
        option = super().get_help_option(ctx)
        if option:
            option.rich_help_panel = panels.OUTPUT
        return option

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help with parameters as :func:`_as_shown` makes them."""
        shown = copy(self)
        shown.params = [_as_shown(parameter) for parameter in self.params]
        super(_CxrCommand, shown).format_help(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words; ``-help`` would be read as ``-h -e -l -p``."""
        if "-help" in args:
            ctx.fail("No such option: -help. Did you mean --help?")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> object:
        """Run the command, and show its progress if there is somebody to see it."""
        quiet = any(ctx.params.get(name) for name in ("quiet", "log_json"))
        with progress_shown(quiet=quiet):
            return super().invoke(ctx)


def _as_shown(parameter: Any) -> Any:
    """Return a copy of a parameter for the help, which then fits into 80 columns.

    A number is shown as N, and its range in the text; both names of a switch stand together.
    """
    shown = copy(parameter)
    if parameter.metavar is None and parameter.type.name in ("int", "float"):
        shown.metavar = "N"
    if within := range_of(parameter):
        shown.help = f"{parameter.help} From {within.least} to {within.most}."
    if parameter.secondary_opts:
        shown.opts, shown.secondary_opts = [*parameter.opts, *parameter.secondary_opts], []
        shown.show_default = "on" if parameter.default else "off"
    return shown


class CxrGroup(TyperGroup):
    """Loads subcommands lazily, and turns every error into one line and a code.

    An error of the operating system is told here where nobody below says more about it.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the table, loading none."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the subcommand; one that is not there is an error that suggests what is."""
        if args and args[0] not in self.list_commands(ctx):
            from difflib import get_close_matches

            for word in get_close_matches(args[0], _MEANT, n=1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {_MEANT[word]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> object:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except CxrError as exc:
            typer.echo(f"error: {message_shown(str(exc))}", err=True)
            raise typer.Exit(exc.exit_code) from exc
        except OSError as exc:
            if exc.errno == errno.EPIPE:
                raise
            typer.echo(f"error: {_refused(exc)}", err=True)
            too_long = exc.errno == errno.ENAMETOOLONG
            raise typer.Exit(ExitCode.USAGE if too_long else ExitCode.ERROR) from exc
        except KeyboardInterrupt as exc:
            typer.echo(INTERRUPTED, err=True)
            raise typer.Exit(ExitCode.INTERRUPTED) from exc


def _refused(exc: OSError) -> str:
    """Return the message of an error of the operating system, after the name of its file."""
    why = exc.strerror or str(exc)
    if exc.filename is None:
        return why
    return f"{shortened(printable(os.fsdecode(exc.filename)))}: {why}"


app = typer.Typer(
    name="cxr",
    cls=CxrGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=_MARKUP,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Screen folders of chest X-rays for pneumonia. Research use only, not a diagnosis.",
    epilog="Exit codes:\n\n"
    + "\n".join(f"- {code:d}: {meaning}" for code, meaning in EXIT_CODES.items()),
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it with the option's value)
    if wanted:
        typer.echo(f"cxr-edge {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[  # noqa: ARG001  (its callback prints it)
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that stand before the subcommand."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name is no reason to stop printing
        sys.stdout.reconfigure(errors="backslashreplace")
    # TensorFlow's notes on how it was built help no user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # A process that ends has nothing to collect; looking for it takes a tenth of a short scan.
    atexit.register(gc.freeze)
