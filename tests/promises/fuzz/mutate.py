"""Scan mutated copies of images: as many rows as files, no crash, no hang.

``python tests/promises/fuzz/mutate.py --count 20000 --seed 1 --from samples --from FOLDER``

Each copy goes through ``prepare`` in a supervised process of its own, and with the others of its
folder through a whole ``cxr scan``. Exit code 1 where anything was found; a copy that was is
kept in ``--keep``, and ``--only INDEX`` makes it again.
"""

import argparse
import csv
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mutations import mutate

from cxr_edge.imaging.sniff import SUFFIXES
from cxr_edge.pipeline.discover import discover

CHUNK = 500
"""Files per scan."""

PROBE = """
import json, resource, sys, time
from pathlib import Path
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.spec.input_spec import InputSpec
import cxr_edge.imaging.dicom.decode
for line in sys.stdin:
    begin = time.perf_counter()
    content = prepare(Path(line[:-1]), InputSpec()).content
    seconds = time.perf_counter() - begin
    reason = "ok" if isinstance(content, Pixels) else content.reason
    detail = "" if isinstance(content, Pixels) else str(content)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps([reason, detail, seconds, peak]), flush=True)
"""
"""Answers each path with reason, detail, seconds and the process's peak memory, MiB."""


class Prober:
    """A process that prepares one file after the other, and can die or hang on one."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROBE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.peak = 0

    def ask(self, path: Path) -> tuple[str, str, float]:
        """Return reason, detail and seconds; the reasons ``CRASH`` and ``HANG`` are ours."""
        assert self._process.stdin
        assert self._process.stdout
        begin = time.perf_counter()
        self._process.stdin.write(os.fsencode(path) + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], self._timeout)
        line = self._process.stdout.readline() if ready else b""
        if line:
            reason, detail, seconds, self.peak = json.loads(line)
            return reason, detail, seconds
        self.close()
        self._start()
        code = self._process.returncode
        return ("CRASH" if ready else "HANG", f"exit code {code}", time.perf_counter() - begin)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@dataclass
class Findings:
    """Results of all files so far."""

    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")
    wrong: list[str] = field(default_factory=list)


def read_seeds(folders: Sequence[Path], limit: int) -> list[tuple[str, bytes]]:
    """Return name and bytes of all images in some folders, in a fixed order.

    The names end so that a copy is taken whatever becomes of its first bytes.
    """
    seeds = []
    for item in (item for folder in folders for item in discover([folder])):
        if item.file.stat().st_size <= limit:
            suffix = "" if item.file.suffix.lower() in SUFFIXES else ".dcm"
            seeds.append((item.file.name + suffix, item.file.read_bytes()))
    return seeds


def write_copies(
    seeds: Sequence[tuple[str, bytes]], seed: int, indices: Sequence[int], folder: Path
) -> Iterator[Path]:
    """Write the mutated copies with these numbers; each by itself is always the same."""
    others = [data for _, data in seeds]
    for index in indices:
        name, data = seeds[index % len(seeds)]
        path = folder / f"{index:07}-{name}"
        path.write_bytes(mutate(data, others, f"{seed}/{index}"))
        yield path


def probe(paths: Sequence[Path], prober: Prober, found: Findings) -> dict[str, str]:
    """Prepare each file; return its reason by name."""
    reasons = {}
    for path in paths:
        before = prober.peak
        reason, detail, seconds = prober.ask(path)
        reasons[path.name] = reason
        found.reasons[reason] += 1
        found.slowest = max(found.slowest, (seconds, path.name))
        if prober.peak > before:
            found.largest = max(found.largest, (prober.peak, path.name))
        if reason in ("CRASH", "HANG", "decoder-crash"):
            found.wrong.append(f"{path.name}: {reason} ({detail})")
    return reasons


def scan(folder: Path, reasons: dict[str, str], found: Findings, timeout: float) -> None:
    """Scan a folder by the command, and hold the report against what ``prepare`` said."""
    out = folder.parent / "report.csv"
    words = [sys.executable, "-m", "cxr_edge", "scan", folder, "--out", out, "--fresh",
             "--runtime", "onnx", "--no-self-test", "--quiet"]  # fmt: skip
    try:
        limit = 60 + timeout * len(reasons) / 20
        done = subprocess.run(words, capture_output=True, timeout=limit, check=False)
        if done.returncode not in (0, 3):
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            found.wrong.append(f"scan of {min(reasons)}...: exit {done.returncode} {last}")
    except subprocess.TimeoutExpired:
        found.wrong.append(f"scan of {min(reasons)}...: no end after {limit:.0f} s")
    with out.open(newline="", encoding="utf-8") as file:
        rows = {row["path"]: row["reason"] or row["status"] for row in csv.DictReader(file)}
    found.rows += len(rows)
    for name, reason in reasons.items():
        if rows.get(name) != reason and reason not in ("CRASH", "HANG"):
            found.wrong.append(f"{name}: prepare says {reason}, the report {rows.get(name)}")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="folders", type=Path, action="append", required=True)
    parser.add_argument("--max-bytes", type=int, default=1 << 20, help="larger images are left out")
    parser.add_argument("--timeout", type=float, default=30, help="seconds a file")
    parser.add_argument("--keep", type=Path, help="folder for what is found")
    parser.add_argument("--only", type=int, help="write this one copy into --keep and stop")
    args = parser.parse_args()
    seeds = read_seeds(args.folders, args.max_bytes)
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    if args.only is not None:
        print(*write_copies(seeds, args.seed, [args.only], args.keep))
        return 0
    found, prober, begin = Findings(), Prober(args.timeout), time.monotonic()
    for start in range(0, args.count, CHUNK):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "images"
            folder.mkdir()
            indices = range(start, min(start + CHUNK, args.count))
            paths = list(write_copies(seeds, args.seed, indices, folder))
            before = len(found.wrong)
            scan(folder, probe(paths, prober, found), found, args.timeout)
            print(f"{indices[-1] + 1} of {args.count}", file=sys.stderr)
            for path in paths if args.keep else ():
                if any(line.startswith(path.name) for line in found.wrong[before:]):
                    shutil.copy(path, args.keep)
    prober.close()
    print(f"seed {args.seed}, {len(seeds)} images, {args.count} mutated files, {found.rows} rows")
    print(", ".join(f"{count} {reason}" for reason, count in found.reasons.most_common()))
    print(f"slowest {found.slowest[0]:.2f} s: {found.slowest[1]}")
    print(f"largest process {found.largest[0]} MiB: {found.largest[1]}")
    print(f"{time.monotonic() - begin:.0f} s; {len(found.wrong)} findings")
    print(*found.wrong, sep="\n")
    return 1 if found.wrong or found.rows != args.count else 0


if __name__ == "__main__":
    sys.exit(main())
