"""A cluster of a head and two nodes on this machine: its rates, and what is left when parts die.

    python bench/cluster.py IMAGES [--files 5000] [--work FOLDER]

Prints the rates of docs/scale.md. A folder of so many files is made of IMAGES by hard links. The
head has no CPUs for work and each node has one; they are processes of ``ray start`` with ports,
folders and a token of their own. Rates are past start-up: from a tenth of the rows to the last.
Then a node is killed while a scan runs, and the driver while another does; every report must be,
byte for byte, that of the threads.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

START: Final = 0.1
"""Share of the rows that count as start-up."""

KILL: Final = 0.4
"""Share of the rows at which something is killed."""

WORKERS: Final = (1, 2)


class Run(NamedTuple):
    """One scan."""

    seconds: float
    """From the command's start to its end."""
    rate: float
    """Files per second past start-up."""
    manifest: dict[str, object]
    """Run manifest."""


def main() -> None:
    """Measure, kill, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="folder of images")
    parser.add_argument("--files", type=int, default=5000, help="files to scan")
    parser.add_argument("--work", type=Path, help="folder for all that is made; removed at the end")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cxr-cluster-", dir=options.work) as name:
        work = Path(name)
        films = linked(options.images, work / "films", options.files)
        scan([str(films), "--out", str(work / "warm.csv"), "--max-failures", "0"])  # caches
        local = {count: threads(films, work, count) for count in WORKERS}
        whole = (work / "threads-2.csv").read_bytes()
        with cluster(work) as (address, node):
            nodes = [node(), node()]
            for count in WORKERS:
                report = work / f"ray-{count}.csv"
                run = scan(on(address, films, report, count))
                check(report, whole)
                over = local[count].rate / run.rate - 1
                print(
                    f"{count} workers: threads {local[count].rate:.1f} files/s, ray "
                    f"{run.rate:.1f} files/s past start-up, {100 * over:+.1f} % of time; "
                    f"{local[count].seconds:.1f} s "
                    f"and {run.seconds:.1f} s in all"
                )
            report = work / "node-killed.csv"
            run = scan(on(address, films, report, 2), lambda: kill_all(nodes[1]))
            check(report, whole)
            print(f"a node killed: {run.seconds:.1f} s in all, rows identical")
            nodes[1] = node()
            report = work / "driver-killed.csv"
            words = on(address, films, report, 2)
            begun = begin(words)
            follow(begun, report, options.files, lambda: kill_all(begun))
            run = scan(words)
            check(report, whole)
            print(
                f"the driver killed: continued from row {run.manifest['continued_from']}, "
                f"{run.seconds:.1f} s, rows identical"
            )


def threads(films: Path, work: Path, count: int) -> Run:
    """Scan with threads."""
    return scan([str(films), "--out", str(work / f"threads-{count}.csv"), "--workers", str(count)])


def on(address: str, films: Path, report: Path, count: int) -> list[str]:
    """Return the words of a scan on a cluster."""
    return [str(films), "--out", str(report), "--engine", "ray", "--address", address,
            "--workers", str(count)]  # fmt: skip


def linked(images: Path, folder: Path, count: int) -> Path:
    """Make a folder of so many files out of those of another."""
    found = sorted(path for path in images.rglob("*") if path.is_file() and path.suffix != ".csv")
    folder.mkdir()
    for number in range(count):
        source = found[number % len(found)]
        target = folder / f"{number:07}{source.suffix}"
        try:
            target.hardlink_to(source)
        except OSError:  # another disk
            shutil.copy(source, target)
    return folder


def begin(words: list[str]) -> "subprocess.Popen[bytes]":
    """Begin a scan with the embedded model."""
    return subprocess.Popen(
        [sys.executable, "-m", "cxr_edge", "scan", *words, "--runtime", "onnx", "--quiet"],
        start_new_session=True,
    )


def scan(words: list[str], at_kill: Callable[[], object] = lambda: None) -> Run:
    """Scan to the end; in the middle of it, call a function."""
    start = time.monotonic()
    report, films = Path(words[words.index("--out") + 1]), Path(words[0])
    rate = follow(begun := begin(words), report, len(os.listdir(films)), at_kill)  # noqa: PTH208
    if begun.returncode not in (0, 3):
        sys.exit(f"a scan ended with exit code {begun.returncode}")
    manifest = json.loads(report.with_suffix(".run.json").read_text())
    return Run(time.monotonic() - start, rate, manifest)


def follow(
    begun: "subprocess.Popen[bytes]", report: Path, count: int, at_kill: Callable[[], object]
) -> float:
    """Wait for a scan, and return its rate past start-up."""
    first: tuple[float, int] | None = None
    rows, killed = 0, False
    last = time.monotonic()
    while begun.poll() is None:
        time.sleep(0.05)
        with contextlib.suppress(OSError):
            now = report.read_bytes().count(b"\n") - 1
            if now > rows:
                rows, last = now, time.monotonic()
        if first is None and rows >= START * count:
            first = last, rows
        if not killed and rows >= KILL * count:
            killed = True
            at_kill()
    return (rows - first[1]) / (last - first[0]) if first and last > first[0] else 0.0


def check(report: Path, whole: bytes) -> None:
    """Stop where a report is not that of the threads."""
    if report.read_bytes() != whole:
        sys.exit(f"{report.name}: its rows are not those of the threads")


@contextlib.contextmanager
def cluster(work: Path) -> Iterator[tuple[str, Callable[[], "subprocess.Popen[bytes]"]]]:
    """Start a head without CPUs; yield its address, and a function that starts a node."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    address = f"127.0.0.1:{port}"
    folder = tempfile.mkdtemp(prefix="cxr-head-")
    started = [
        ray_start("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false",
                  f"--temp-dir={folder}/r")
    ]  # fmt: skip
    wait_for(port)
    (work / "cluster").mkdir()

    def node() -> "subprocess.Popen[bytes]":
        started.append(ray_start(f"--address={address}", "--num-cpus=1"))
        time.sleep(8)  # until it has joined
        return started[-1]

    try:
        yield address, node
    finally:
        for each in started:
            kill_all(each)
        shutil.rmtree(folder, ignore_errors=True)


def ray_start(*words: str) -> "subprocess.Popen[bytes]":
    """Start a head or a node, which ends with the process that is returned."""
    return subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats",
         f"--object-store-memory={100 << 20}", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def wait_for(port: int) -> None:
    """Wait until somebody listens at a port."""
    for _ in range(300):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.2)
    sys.exit("the head did not start")


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all that it started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(status[1])
    below = {process.pid}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    for pid in below:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    main()
