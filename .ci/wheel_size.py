"""Print the size of the wheels named, and what makes it up: folders, then the largest files."""

import sys
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

FILES_SHOWN = 10


def main() -> None:
    """Run as a command."""
    for name in sys.argv[1:]:
        wheel = Path(name)
        with ZipFile(wheel) as archive:
            members = archive.infolist()
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(members)} files")
        folders: Counter[str] = Counter()
        for member in members:
            folders["/".join(member.filename.split("/")[:-1][:3])] += member.compress_size
        _print("folder", folders.most_common(FILES_SHOWN))
        largest = sorted(members, key=lambda member: -member.compress_size)
        _print("file", [(each.filename, each.compress_size) for each in largest[:FILES_SHOWN]])


def _print(kind: str, sizes: list[tuple[str, int]]) -> None:
    for name, size in sizes:
        print(f"  {kind:6}  {size / 1e6:7.2f} MB  {name}")


if __name__ == "__main__":
    main()
