"""The ``cxr`` command: each subcommand parses, calls, prints, and sets the exit code."""
