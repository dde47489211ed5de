"""The entry point of ``cxr``: supervised commands run in a child process."""

import sys

from cxr_edge.cli.commands import COMMANDS
from cxr_edge.isolation.supervisor import supervise


def main() -> None:
    """Run ``cxr``."""
    command = next((each for each in COMMANDS if each.name in sys.argv[1:2]), None)
    if command and command.supervised:
        code = supervise(command.name, command.advice)
        if code is not None:
            sys.exit(code)
    from cxr_edge.cli.app import app

    app(prog_name="cxr")
