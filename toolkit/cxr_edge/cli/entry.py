"""The entry point of ``cxr``."""

import sys
from typing import Final

_INTERRUPTED: Final = 130


def main() -> None:
    """Run ``cxr``; Ctrl-C before it has begun ends it alike."""
    try:
        from cxr_edge.cli.process import run_command

        code = run_command()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    sys.exit(code)
