"""Outcome of decoding each DICOM file of a folder.

    python bench/dicom_table.py FOLDER

Prints the table of docs/dicom-files.md: a row per file with its transfer syntax and the outcome.
"""

import argparse
from collections import Counter
from pathlib import Path

from cxr_edge.doctor.file import examine
from cxr_edge.errors import ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.pipeline.discover import discover


def outcome(data: bytes) -> str:
    """Return ``ok`` and the flags of a file, or the reason why it is no image."""
    try:
        flags = decode(data).source.flags
    except ImageError as error:
        return error.reason
    return f"ok ({', '.join(flags)})" if flags else "ok"


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
        print(f"| `{item.path}` | {examine(item.file).syntax or '-'} | {end} |")
    print("\n" + ", ".join(f"{count} {end}" for end, count in ends.most_common()))


if __name__ == "__main__":
    main()
