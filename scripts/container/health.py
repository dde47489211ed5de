"""Tells whether ``cxr watch`` works, by its health file: the health check of the container.

    health.py FOLDER

FOLDER is that of the reports. Exit code 0: the watch lives and takes files. Exit code 1: it is not
running, hangs, waits for something or says nothing.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

SECONDS = 60
"""Age at which the health file, which is written every 10 seconds, is too old."""

WORKS = {"starting", "watching"}
"""States of a watch to which nothing need be done."""


def health(folder: Path) -> tuple[bool, str]:
    """Return whether the watch works, and a sentence on it."""
    file = folder / "health.json"
    try:
        found = json.loads(file.read_text("utf-8"))
        age = (datetime.now(UTC) - datetime.fromisoformat(found["time"])).total_seconds()
        state, problem = found["state"], found["problem"]
    except OSError as exc:
        return False, f"expected the health file of a watch, got {exc.strerror}: {file}"
    except (ValueError, KeyError, TypeError):
        return False, f"expected the health file of a watch, got something else: {file}"
    if age > SECONDS:
        return False, f"{state}, but written {age:.0f} seconds ago; expected {SECONDS} at most"
    return state in WORKS, f"{state}: {problem}" if problem else state


def main() -> int:
    """Print the health of the watch of a folder, and return the exit code."""
    if len(sys.argv) != 2:
        print("expected one folder, that of the reports", file=sys.stderr)
        return 1
    healthy, sentence = health(Path(sys.argv[1]))
    print("healthy:" if healthy else "unhealthy:", sentence)
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main())
