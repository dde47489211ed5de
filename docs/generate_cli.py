"""Write docs/cli.md: the ``--help`` of every command, 80 columns wide.

    python docs/generate_cli.py

A test compares the page with the commands, so run it after every change of an option.
"""

import os
import subprocess
import sys
from pathlib import Path

from cxr_edge.cli.commands import COMMANDS

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 80
HEAD = """\
# Commands and options

This page is what `cxr --help` and `cxr COMMAND --help` print, written by
`python docs/generate_cli.py`.
"""


def reference() -> str:
    """Return the page."""
    parts = [HEAD, _section("cxr", _help())]
    parts += [_section(f"cxr {command.name}", _help(command.name)) for command in COMMANDS]
    return "\n".join(parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text}\n```\n"


def _help(*words: str) -> str:
    """Return what a command prints for ``--help``, without colors or spaces at line ends."""
    environment = {
        **{key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ},
        "COLUMNS": str(WIDTH),
        "TERM": "dumb",
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(  # noqa: S603  (our own command)
        [sys.executable, "-m", "cxr_edge", *words, "--help"],
        env=environment, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
