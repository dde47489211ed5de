"""Scans that are killed at random moments and run again until they are done.

    python tests/promises/torture/kill.py [--rounds 200] [--images 500] [--seed 1] [--model MODEL]
                                          [--shards SIZE]

Each round scans the same images into a new report. The command's process, or the one that it
supervises, gets SIGKILL at a random moment, again and again; between kills the same command is run
again. Once it finishes, the report must be byte for byte that of an undisturbed run. The script
prints the seed, the count of kills, and how many left rows behind. A report that differs ends it
with exit code 1. With --shards each round scans into a new folder of shards of that size, which are
compared likewise.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLES = Path(__file__).parents[3] / "samples"
FINISHED = (0, 3)


def make_images(folder: Path, count: int) -> None:
    """Fill a folder with links to the samples, good ones and bad ones."""
    folder.mkdir()
    images = sorted(path for path in SAMPLES.iterdir() if path.suffix in {".jpg", ".png", ".dcm"})
    for number in range(count):
        image = images[number % len(images)]
        (folder / f"{number:05}{image.suffix}").symlink_to(image)


def begin(images: Path, out: Path, model: str) -> "subprocess.Popen[bytes]":
    """Start the scan, into the shards whose size is the suffix of a folder."""
    place = ["--out", str(out)]
    if out.suffix != ".csv":
        place = ["--shards", str(out), "--shard-size", out.suffix.removeprefix(".")]
    command = [sys.executable, "-m", "cxr_edge", "scan", str(images), *place,
               "--model", model, "--runtime", "onnx", "--quiet"]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def at_work(out: Path) -> int | None:
    """Return the process that writes a report, None where none says so."""
    try:
        run = out.with_suffix(".run.json") if out.suffix == ".csv" else out / "run.json"
        pid = json.loads(run.read_bytes())["pid"]
    except (OSError, ValueError):
        return None
    return None if pid is None else int(pid)


def written(out: Path) -> dict[str, bytes]:
    """Return the bytes of a report, or of each shard, by name."""
    files = out.glob("shard-*") if out.is_dir() else filter(Path.exists, [out])
    return {file.name if out.is_dir() else "": file.read_bytes() for file in files}


def torture(images: Path, out: Path, model: str, seconds: float, rng: random.Random) -> list[int]:
    """Scan, kill and run again until done; return how many rows stood at each kill."""
    stood: list[int] = []
    while True:
        scan = begin(images, out, model)
        try:
            code = scan.wait(timeout=rng.uniform(0, 1.2 * seconds))
        except subprocess.TimeoutExpired:
            victim = at_work(out) if rng.random() < 0.3 else None
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(victim or scan.pid, signal.SIGKILL)
            code = scan.wait()
            if victim is None or code not in FINISHED:
                stood.append(sum(data.count(b"\n") for data in written(out).values()))
        if code in FINISHED:
            return stood


def main() -> int:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="default")
    parser.add_argument("--shards", type=int)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    suffix = f".{options.shards}" if options.shards else ".csv"
    with tempfile.TemporaryDirectory() as scratch:
        images, whole = Path(scratch) / "images", Path(scratch) / f"whole{suffix}"
        make_images(images, options.images)
        begin(images, whole, options.model).wait()  # tests and measures what is remembered then
        whole.rename(whole.with_stem("first"))
        start = time.perf_counter()
        if begin(images, whole, options.model).wait() not in FINISHED:
            print("the undisturbed scan failed")
            return 1
        seconds = time.perf_counter() - start
        kills: list[int] = []
        for number in range(options.rounds):
            out = Path(scratch) / f"{number}{suffix}"
            kills += torture(images, out, options.model, seconds, rng)
            if written(out) != written(whole):
                kept = Path(out.name).resolve()
                shutil.move(out, kept)
                print(f"round {number}: the report differs; kept as {kept}; seed {options.seed}")
                return 1
    in_the_middle = sum(0 < rows <= options.images for rows in kills)
    print(
        f"seed {options.seed}: {options.rounds} reports of {options.images} images, all identical "
        f"to the undisturbed one, after {len(kills)} kills, "
        f"{in_the_middle} of them with rows written"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
