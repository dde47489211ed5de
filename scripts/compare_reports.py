"""Compare reports of two machines row by row, and print a table; exit code 4 if they differ.

    python scripts/compare_reports.py HERE THERE

HERE and THERE are folders with a report of the same name for each artefact.
"""

import csv
import sys
from pathlib import Path

LARGEST = 1e-3
"""Largest |Δp| of an image between machines."""

SAME = ("path", "status", "label", "flags", "reason", "sha256", "width", "height", "format")
"""Columns that must be equal."""


def main(here: Path, there: Path) -> int:
    """Print the table, and return the exit code."""
    print("| report | rows | scored | labels that differ | largest difference of p | result |")
    print("| --- | --- | --- | --- | --- | --- |")
    reports = sorted(here.glob("*.csv"))
    code = 0 if reports else 4
    for path in reports:
        ours, theirs = _rows(path), _rows(there / path.name)
        if len(ours) != len(theirs):
            print(f"| {path.stem} | {len(ours)} and {len(theirs)} | | | | FAILED |")
            code = 4
            continue
        pairs = list(zip(ours, theirs, strict=True))
        scored = [(a, b) for a, b in pairs if a["probability"] and b["probability"]]
        largest = max(
            (abs(float(a["probability"]) - float(b["probability"])) for a, b in scored), default=1.0
        )
        labels = sum(a["label"] != b["label"] for a, b in pairs)
        same = all(a[name] == b[name] for a, b in pairs for name in SAME)
        passed = same and largest <= LARGEST
        print(
            f"| {path.stem} | {len(ours)} | {len(scored)} | {labels} | {largest:.6f} | "
            f"{'passed' if passed else 'FAILED'} |"
        )
        code = code if passed else 4
    return code


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
