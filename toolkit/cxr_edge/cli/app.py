"""The typer app, and the one place where errors become a line and an exit code."""

import atexit
import gc
import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cxr_edge import __version__
from cxr_edge.cli.audit import audit
from cxr_edge.cli.benchmark import benchmark
from cxr_edge.cli.compare import compare
from cxr_edge.cli.convert import convert
from cxr_edge.cli.doctor import doctor
from cxr_edge.cli.evaluate import evaluate
from cxr_edge.cli.explain import explain
from cxr_edge.cli.export import export
from cxr_edge.cli.scan import scan
from cxr_edge.cli.train import train
from cxr_edge.cli.verify import verify
from cxr_edge.errors import CxrError, ExitCode


class CxrGroup(TyperGroup):
    """Turns every :class:`CxrError` into one line on standard error and its exit code."""

    def invoke(self, ctx: Any) -> object:  # Any: typer keeps the class to itself
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except CxrError as exc:
            typer.echo(f"error: {exc}", err=True)
            raise typer.Exit(exc.exit_code) from exc
        except KeyboardInterrupt as exc:
            raise typer.Exit(ExitCode.INTERRUPTED) from exc


app = typer.Typer(
    name="cxr",
    cls=CxrGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Screen folders of chest X-rays for pneumonia. Research use only, not a diagnosis. "
        "Exit codes: 0 done, 1 error, 2 usage, 3 finished but some files failed, "
        "4 a gate failed, 130 interrupted."
    ),
)
app.command()(scan)
app.command()(convert)
app.command()(benchmark)
app.command()(doctor)
app.command()(audit)
app.command()(train)
app.command()(evaluate)
app.command()(compare)
app.command()(explain)
app.command()(export)
app.command()(verify)


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
