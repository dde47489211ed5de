"""Dataclasses in the signature of a command."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from cxr_edge.cli.option_groups import with_option_groups


@dataclass(frozen=True)
class Size:
    """A group of two options."""

    width: Annotated[int, typer.Option(min=1, help="Columns.")]
    height: Annotated[int, typer.Option(min=1, help="Rows.")] = 5


def test_the_fields_of_a_group_are_options() -> None:
    """The command gets the dataclass; help, defaults and checks are those of the fields."""
    found: list[tuple[str, Size]] = []
    app = typer.Typer()

    @app.command()
    @with_option_groups
    def command(name: str, size: Size) -> None:
        found.append((name, size))

    run = CliRunner().invoke
    assert run(app, ["a", "--width", "3"]).exit_code == 0
    assert run(app, ["b", "--width", "3", "--height", "4"]).exit_code == 0
    assert found == [("a", Size(3, 5)), ("b", Size(3, 4))]
    assert run(app, ["c", "--width", "0"]).exit_code == 2
    assert run(app, ["c"]).exit_code == 2
    assert "Rows." in run(app, ["--help"]).output
