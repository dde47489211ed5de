"""What becomes of each DICOM file of a folder, as the table of docs/dicom.md.

    python bench/dicom_table.py FOLDER

A row for each file: its transfer syntax, as it tells it, and how a scan's decoding of it ends.
"""

import argparse
from collections import Counter
from pathlib import Path

from cxr_edge.errors import ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.dicom.dataset import syntax_of
from cxr_edge.imaging.dicom.errors import DAMAGE
from cxr_edge.pipeline.discover import discover


def outcome(data: bytes) -> str:
    """Return ``ok`` and the flags of a file, or the reason why it is no image."""
    try:
        flags = decode(data).source.flags
    except ImageError as error:
        return error.reason
    return f"ok ({', '.join(flags)})" if flags else "ok"


def syntax(data: bytes) -> str:
    """Return the name of the transfer syntax of a file, a dash where it tells none."""
    try:
        return syntax_of(data) or "-"
    except DAMAGE:
        return "-"


def main() -> None:
    """Print the table, and how many files end how."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    print("| file | transfer syntax | outcome |\n| --- | --- | --- |")
    ends: Counter[str] = Counter()
    for item in discover([options.folder]):
        data = item.file.read_bytes()
        end = outcome(data)
        ends[end.partition(" ")[0]] += 1
        print(f"| `{item.path}` | {syntax(data)} | {end} |")
    print("\n" + ", ".join(f"{count} {end}" for end, count in ends.most_common()))


if __name__ == "__main__":
    main()
