"""Print what an installed bundle takes on the disk, by distribution, the largest first.

    python scripts/installed_size.py FOLDER

Modules that were compiled count with their distribution.
"""

import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from importlib.util import cache_from_source
from pathlib import Path

LEAST = 1.0
"""MB below which distributions are counted together."""


def main(folder: Path) -> None:
    """Print the table."""
    (site,) = folder.glob("venv/lib/python*/site-packages")
    sizes = {each.name: megabytes(files_of(each)) for each in distributions(path=[str(site)])}
    large = {name: size for name, size in sizes.items() if size >= LEAST}
    rows = sorted(large.items(), key=lambda item: -item[1])
    rest = sum(sizes.values()) - sum(large.values())
    rows.append((f"{len(sizes) - len(large)} more distributions", rest))
    venv, model = megabytes((folder / "venv").rglob("*")), megabytes((folder / "model").iterdir())
    rows += [("**venv**", venv), ("model", model), ("**all**", megabytes(folder.rglob("*")))]
    print("| part | MB |\n| --- | --- |")
    for name, size in rows:
        print(f"| {name} | {size:.1f} |")


def files_of(distribution: Distribution) -> Iterator[Path]:
    """Yield the files that pip wrote, and the compiled ones."""
    for file in distribution.files or ():
        path = Path(str(file.locate()))
        yield path
        if path.suffix == ".py":
            yield Path(cache_from_source(str(path)))


def megabytes(paths: Iterable[Path]) -> float:
    """Return the size of the files that are there, links apart."""
    there = (path for path in paths if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in there) / 1e6


if __name__ == "__main__":
    main(Path(sys.argv[1]))
