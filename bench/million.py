"""Time and memory that a million files cost: finding them, and reading a finished report.

    python bench/million.py [--files 1000000] [--scratch FOLDER]

Prints the tables of docs/performance.md.

Makes trees of hard links to one image, all in one folder and in folders of a thousand, and a
finished report of each. Commands run as whole processes: discovery alone, and ``cxr scan``, which
finds every file, reads the report and has nothing left to do. The cost of the same command on
ten files, start-up and all, is told (the least of three runs) and taken off. Names are in the
system's cache, as they are after a tree was made.
"""

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from processes import Cost, run

SAMPLE = Path(__file__).parent.parent / "samples" / "phantom-normal.jpg"
FEW = 10
LINKS = 60_000  # a file system allows 65,000 to a file

DISCOVER = """
import sys
from pathlib import Path
from cxr_edge.pipeline.discover import discover
print(sum(1 for _ in discover([Path(sys.argv[1])])))
"""


def names(files: int, *, folders: bool) -> Iterator[str]:
    """Yield the paths of a tree's files, in the order of a report."""
    for number in range(files):
        ward = f"ward-{number // 1000:04}/" if folders else ""
        yield f"{ward}image-{number:07}.jpg"


def make_tree(root: Path, files: int, *, folders: bool) -> None:
    """Make a tree of hard links."""
    for number, name in enumerate(names(files, folders=folders)):
        link = root / name
        if number % LINKS == 0:
            image = root.with_name(f"{root.name}-{number}.jpg")
            shutil.copy(SAMPLE, image)
        if number % 1000 == 0:
            link.parent.mkdir(parents=True, exist_ok=True)
        link.hardlink_to(image)


def make_report(out: Path, few: Path, files: int, *, folders: bool) -> None:
    """Write the finished report of a tree: every row is that of the one image."""
    with few.open(newline="", encoding="utf-8") as file:
        header, (_, *values), *_ = csv.reader(file)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([name, *values] for name in names(files, folders=folders))
    manifest = json.loads(few.with_suffix(".run.json").read_text(encoding="utf-8"))
    del manifest["digest"]  # of other rows; a report without one is continued too
    out.with_suffix(".run.json").write_text(json.dumps(manifest), encoding="utf-8")


def measure(scratch: Path, files: int, *, folders: bool) -> None:
    """Print what a shape of tree costs."""
    costs: dict[tuple[str, int], Cost] = {}
    few = scratch / f"{FEW}.csv"
    for count in (FEW, files):
        tree, out = scratch / str(count), scratch / f"{count}.csv"
        make_tree(tree, count, folders=folders)
        scan = (sys.executable, "-m", "cxr_edge", "scan", str(tree), "--out", str(out))
        if count == FEW:
            run(*scan)  # begins the report; tests and measures what is remembered from here on
        else:
            make_report(out, few, count, folders=folders)
        size = out.stat().st_size
        runs = 3 if count == FEW else 1
        costs["discovery", count] = run(sys.executable, "-c", DISCOVER, str(tree), runs=runs)
        costs["cxr scan", count] = run(*scan, runs=runs)
        manifest = json.loads(out.with_suffix(".run.json").read_text(encoding="utf-8"))
        if not (manifest["continued_from"] == manifest["counts"]["ok"] == count):
            sys.exit(f"expected {count} rows found complete, got {manifest}")
        if out.stat().st_size != size:
            sys.exit(f"expected a report of {size} bytes left as it was, got another")
    print(f"{files} files, {'in folders of 1000' if folders else 'all in one folder'}")
    print(f"{'':12} {f'{FEW} files':>18} {f'{files} files':>20} {'added':>18}")
    for name in ("discovery", "cxr scan"):
        less, more = costs[name, FEW], costs[name, files]
        added = Cost(
            more.seconds - less.seconds, more.cpu - less.cpu, more.megabytes - less.megabytes
        )
        cells = "  ".join(f"{c.seconds:8.2f} s {c.megabytes:5.0f} MB" for c in (less, more, added))
        print(f"{name:12} {cells}")


def main() -> None:
    """Measure both shapes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--scratch", type=Path, help="where the trees are made and deleted again")
    options = parser.parse_args()
    for folders in (False, True):
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            scratch = Path(folder)
            os.environ["XDG_CACHE_HOME"] = str(scratch / "cache")
            measure(scratch, options.files, folders=folders)


if __name__ == "__main__":
    main()
