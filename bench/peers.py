"""``cxr scan`` against other ways to classify the same images, each in an environment of its own.

    python bench/peers.py --images FOLDER [--count 2000] [--rounds 5] [--only NAME,NAME ...]

Prints the table of docs/performance.md. Every round runs each peer once, and ``cxr scan`` right
before it; a ratio is the peer's seconds to those of that scan, pair by pair, so that a machine
whose speed drifts slows both alike. All read the same files from the page cache, and each writes a
report. The environments are made at first use with pip and kept.
"""

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import platformdirs
from contenders import PACKAGE, TOOLKIT, Contender, cxr, peers
from environments import run
from pairs import Pair, Timing, rate, ratios, repeat, seconds, table

YOLO = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
"""Ultralytics must not ask the network for anything while its time is taken."""

WARM_UP = 32
"""Images of the uncounted run of each command before those that count."""

LEGEND = """medians, of ratios also lowest and highest
images: of each run, and of the cxr scan before it
s, images/s, time: of the whole command; time as a ratio to that of cxr scan right before
started: from the first image to the last, without imports and the loading of the model"""

Report = Mapping[str, Mapping[str, str]]
"""Rows by image."""


@dataclass(frozen=True)
class Bench:
    """Folders that are used while times are taken."""

    scratch: Path
    """Folder of images, reports, and what is made for a peer."""
    environments: Path
    """Folder of the environments of the peers."""

    def prepare(self, one: Contender) -> None:
        """Make the environment and the network of a contender."""
        python = self._python(one)
        if one.make:
            run([python, *self._filled(one.make)], PYTHONPATH=str(TOOLKIT))

    def classify(self, one: Contender, count: int) -> tuple[Timing, Report]:
        """Classify images by a process of its own, and time it."""
        report = self.scratch / "report.csv"
        report.unlink(missing_ok=True)
        command = [
            self._python(one),
            *self._filled(one.command, images=str(self.images(count)), report=str(report)),
        ]
        settings = YOLO | {"YOLO_CONFIG_DIR": str(self.scratch)}
        if not one.environment:
            settings = {"PYTHONPATH": str(TOOLKIT)}
        start = time.perf_counter()
        printed = run(command, **settings)
        took = time.perf_counter() - start
        with report.open(newline="") as file:
            rows = {Path(next(iter(row.values()))).name: row for row in csv.DictReader(file)}
        if one.environment:
            inside = json.loads(printed.splitlines()[-1])["seconds"]
        else:
            manifest = json.loads(report.with_suffix(".run.json").read_text())
            inside = len(rows) / manifest["files_per_second"]
        return Timing(len(rows), took, inside), rows

    def images(self, count: int) -> Path:
        """Return the folder of so many images."""
        return self.scratch / str(count)

    def _python(self, one: Contender) -> str:
        return str(one.environment.python(self.environments)) if one.environment else sys.executable

    def _filled(self, command: Sequence[str], **places: str) -> list[str]:
        return [part.format(scratch=self.scratch, **places) for part in command]


@dataclass
class Result:
    """Times and labels of a peer."""

    peer: Contender
    pairs: list[Pair] = field(default_factory=list)
    """Pairs of runs, one per round."""
    agree: int = 0
    """Images with the same label as by ``cxr scan``, in the last round."""


def agreement(ours: Report, theirs: Report) -> int:
    """Count the images to which both give the same label, at the threshold of our report."""
    if ours.keys() != theirs.keys():
        raise SystemExit(f"expected the same {len(ours)} images in a report, got {len(theirs)}")
    return sum(
        (float(row["probability"]) >= float(row["threshold"]))
        == (float(theirs[image]["probability"]) >= float(row["threshold"]))
        for image, row in ours.items()
    )


def compare(
    bench: Bench, ours: Contender, counts: Mapping[Contender, int], rounds: int
) -> list[Result]:
    """Warm everything up, then take all times, pair by pair, in turn."""
    for one in (ours, *counts):
        bench.prepare(one)
        bench.classify(one, WARM_UP)
    results = [Result(peer) for peer in counts]
    for number in range(1, rounds + 1):
        for result in results:
            count = counts[result.peer]
            first, report = bench.classify(ours, count)
            second, other = bench.classify(result.peer, count)
            result.pairs.append(Pair(first, second))
            result.agree = agreement(report, other)
            print(
                f"round {number}, {count} images: {ours.name} {first.command:.2f} s, "
                f"{result.peer.name} {second.command:.2f} s",
                flush=True,
            )
    return results


def rows(ours: Contender, results: Sequence[Result]) -> list[list[str]]:
    """Return the table, header first."""
    lines = [
        ["", "images", "s", "images/s", "time", "images/s, started", "time, started", "same label"]
    ]
    most = max(result.pairs[0].ours.images for result in results)
    scans = [pair.ours for result in results for pair in result.pairs if pair.ours.images == most]
    lines.append(_line(ours.title, scans, "1", "1", ""))
    for result in results:
        pairs = result.pairs
        images = pairs[0].peer.images
        same = f"{result.agree} of {images}" if result.peer.same_network else "other weights"
        times = (str(ratios(pairs, what)) for what in ("command", "inside"))
        lines.append(_line(result.peer.title, [pair.peer for pair in pairs], *times, same))
    return lines


def _line(
    title: str, timings: Sequence[Timing], time_ratio: str, started_ratio: str, same: str
) -> list[str]:
    return [
        title, str(timings[0].images), f"{seconds(timings):.1f}",
        f"{rate(timings, 'command'):.1f}", time_ratio,
        f"{rate(timings, 'inside'):.1f}", started_ratio, same,
    ]  # fmt: skip


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--images", type=Path, required=True, help="folder of JPEG or PNG images")
    add("--count", type=int, default=2000, help="images per run: links to those of the folder")
    add("--slow-count", type=int, help="images per run of the study's network; --count by default")
    add("--rounds", type=int, default=5, help="counted runs of each peer")
    names = ",".join(peer.name for peer in peers(PACKAGE))
    add("--only", default=names, metavar="NAME,...", help=f"of {names}")
    add("--model", type=Path, default=PACKAGE, help="package with the network of the peers")
    add("--cxr", default="", metavar="OPTIONS", help="of the scan that all is compared with")
    add("--also", action="append", default=[], metavar="OPTIONS",
        help="another scan, with these options, as a peer; can be repeated")  # fmt: skip
    add("--environments", type=Path, default=platformdirs.user_cache_path("cxr-edge") / "peers",
        help="where environments are kept")  # fmt: skip
    add("--json", type=Path, help="file for the times of every run")
    add("--markdown", type=Path, help="file for the table")
    options = parser.parse_args()
    if not (options.only or options.also):
        parser.error("expected --only or --also to name a peer")
    if unknown := set(options.only.split(",")) - {*names.split(","), ""}:
        parser.error(f"--only: expected some of {names}, got {', '.join(unknown)}")
    return options


def main() -> None:
    """Print the table."""
    options = arguments()
    wanted = options.only.split(",")
    chosen = [peer for peer in peers(options.model.absolute()) if peer.name in wanted]
    chosen = [*map(cxr, options.also), *chosen]
    slow = options.slow_count or options.count
    counts = {peer: slow if peer.slow else options.count for peer in chosen}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.environments.absolute())
        for count in {WARM_UP, *counts.values()}:
            for image in repeat(options.images, bench.images(count), count):
                image.read_bytes()  # into the page cache
        results = compare(bench, cxr(options.cxr), counts, options.rounds)
    lines = rows(cxr(options.cxr), results)
    print(f"\n{options.rounds} rounds on {len(os.sched_getaffinity(0))} CPUs; {LEGEND}")
    print(table(lines, markdown=False))
    if options.markdown:
        options.markdown.write_text(table(lines, markdown=True) + "\n")
    if options.json:
        data = [{"peer": one.peer.name, "agree": one.agree, "pairs": [*map(asdict, one.pairs)]}
                for one in results]  # fmt: skip
        options.json.write_text(json.dumps(data, indent=2) + "\n")


if __name__ == "__main__":
    main()
