"""The ``cxr`` command: each subcommand parses, calls, prints, and sets the exit code."""

from cxr_edge.cli.app import app

__all__ = ["app"]
