"""Soak test of ``cxr watch``: thousands of files, and everything that can go wrong meanwhile.

    python bench/watch_soak.py [--then leave] [--files 5000] [--seconds 240] [--kills 10]
                               [--others 3] [--scratch FOLDER]

Prints the account of docs/watch.md, and ends with exit code 1 if it does not balance. Files arrive
renamed into place, written at once or slowly in parts; some are damaged, some arrive a second time
with the same or with other bytes, and some are links out of the inbox. Meanwhile the daemon gets
SIGKILL, its scanning child too, the inbox vanishes and comes back, and the disk of the reports
fills up (a small tmpfs, where this user may mount one; nothing is filled up elsewhere).
"""

import argparse
import contextlib
import csv
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

SETTLE = 0.5
TMPFS_MB = 96
PATIENCE = 300.0  # seconds for the last files, after all have arrived
KINDS = {"renamed": 70, "written": 12, "slow": 6, "damaged": 4, "again": 3, "other bytes": 2,
         "link": 2, "no image": 1}  # fmt: skip


def image(number: int) -> bytes:
    """Return a PNG that no other number has."""
    noise = np.random.default_rng(number)
    low = noise.integers(0, 256, (8, 8), np.uint8)
    gray = cv2.resize(low, (96, 96), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".png", gray)[1].tobytes()


@dataclass
class Feeder:
    """Everything that writes to the inbox, and what it expects of the reports."""

    inbox: Path
    outside: Path
    dice: random.Random
    moves: bool
    there: threading.RLock = field(default_factory=threading.RLock)
    arrived: Counter[str] = field(default_factory=Counter)
    expected: dict[tuple[str, str], bool] = field(default_factory=dict)
    bytes_of: dict[str, bytes] = field(default_factory=dict)

    def feed(self, number: int) -> Callable[[], None]:
        """Let one file arrive, and return what is left to do of it, which may take seconds."""
        kind = self._kind()
        self.arrived[kind] += 1
        folder = f"ward-{number % 5}/" if number % 2 else ""
        name = f"{folder}{number:05}.png"
        data = image(number)
        if kind == "link":
            self._link(name, number)
            return lambda: None
        if kind == "no image":
            name, data = f"{number:05}.txt", b"notes"
        elif kind == "again":
            name = self.dice.choice(list(self.bytes_of))
            data = self.bytes_of[name]
        elif kind == "other bytes":
            name = self.dice.choice(list(self.bytes_of))
            if not self._taken(name):  # or the bytes before would never be seen
                self.arrived[kind] -= 1
                return lambda: None
            self.bytes_of[name] = data
        elif kind == "damaged":
            data = data[: len(data) // 2]
        else:
            self.bytes_of[name] = data
        if kind != "no image":
            digest = hashlib.sha256(data).hexdigest()
            self.expected[name, digest] = kind != "damaged" and (
                self.expected.get((name, digest), True)
            )
        if kind == "slow":
            pauses = [self.dice.uniform(0.2, 3 * SETTLE) for _ in range(3)]
            return self._slowly(name, data, pauses)
        if kind == "written":
            with self.there:
                self._place(name).write_bytes(data)
        else:
            with self.there:
                half = self.inbox / f".arriving-{number}"
                half.write_bytes(data)
                half.rename(self._place(name))
        return lambda: None

    def _kind(self) -> str:
        """Draw a kind of arrival."""
        kind = self.dice.choices(list(KINDS), list(KINDS.values()))[0]
        if kind in ("again", "other bytes") and len(self.bytes_of) < 20:
            return "renamed"
        if kind == "other bytes" and not self.moves:  # the first ones could be gone too soon
            return "renamed"
        return kind

    def _taken(self, name: str) -> bool:
        with self.there:
            return not (self.inbox / name).exists()

    def _place(self, name: str) -> Path:
        place = self.inbox / name
        place.parent.mkdir(exist_ok=True)
        return place

    def _link(self, name: str, number: int) -> None:
        with self.there:
            target = self.outside if number % 3 else self.outside / "secret.png"
            self._place(name).symlink_to(target)

    def _slowly(self, name: str, data: bytes, pauses: list[float]) -> Callable[[], None]:
        with self.there:
            file = self._place(name).open("wb", buffering=0)

        def write() -> None:
            size = len(data) // len(pauses) + 1
            for start, pause in zip(range(0, len(data), size), pauses, strict=True):
                file.write(data[start : start + size])
                time.sleep(pause)
            file.close()

        return write


@dataclass
class Daemon:
    """``cxr watch``, started again whenever it ends, as a service manager does."""

    words: list[str]
    log: Path
    starts: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    def keep_up(self) -> "subprocess.Popen[bytes]":
        """Start it if it does not run."""
        if self.process is None or self.process.poll() is not None:
            self.starts += 1
            with self.log.open("ab") as log:
                command = [sys.executable, "-m", "cxr_edge", *self.words]
                self.process = subprocess.Popen(command, stdout=log, stderr=log)
        return self.process

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        process = self.keep_up()
        process.kill()
        process.wait()

    def kill_child(self) -> bool:
        """Kill the process that scans; return whether there was one."""
        pid = self.keep_up().pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(children[0]), signal.SIGKILL)
        return bool(children)

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        process = self.keep_up()
        process.send_signal(signal.SIGTERM)
        return process.wait(60)


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """Mount a tmpfs at a folder while the context lasts; tell whether that was allowed."""
    size = f"size={TMPFS_MB}m"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)  # noqa: S607


def fill(out: Path, seconds: float) -> None:
    """Leave no room on the disk of a folder for some seconds."""
    ballast = out / ".ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass
    time.sleep(seconds)
    ballast.unlink()


def vanish(inbox: Path, feeder: Feeder, seconds: float) -> None:
    """Take the inbox away for some seconds; nobody can write to it meanwhile."""
    with feeder.there:
        inbox.rename(inbox.with_name("away"))
        time.sleep(seconds)
        inbox.with_name("away").rename(inbox)


def rows_of(out: Path) -> list[dict[str, str]]:
    """Return the rows of all days."""
    found = []
    for report in sorted(out.glob("????-??-??.csv")):
        with report.open(newline="", encoding="utf-8") as file:
            found += list(csv.DictReader(file))
    return found


def soak(options: argparse.Namespace, scratch: Path, *, disk: bool) -> bool:
    """Run the test, print the account, and return whether it balances."""
    inbox, out, outside = (scratch / name for name in ("inbox", "out", "outside"))
    outside.mkdir()
    (outside / "secret.png").write_bytes(image(10**9))
    inbox.mkdir()
    dice = random.Random(options.seed)  # noqa: S311
    feeder = Feeder(inbox, outside, dice, moves=options.then == "move")
    words = ["watch", str(inbox), "--out", str(out), "--then", options.then, "--settle",
             str(SETTLE), "--runtime", "onnx", "--page-every", "30", "--workers", "2"]  # fmt: skip
    daemon = Daemon(words, scratch / "log")
    faults: Counter[str] = Counter()
    others = ["SIGKILL of its child", "inbox away", *(["disk full"] if disk else [])]
    plan = ["SIGKILL of the daemon"] * options.kills + others * options.others
    dice.shuffle(plan)
    due = {round((at + 1) * options.files / (len(plan) + 1)): each for at, each in enumerate(plan)}
    started = time.monotonic()
    with ThreadPoolExecutor(64) as slow:
        for number in range(options.files):
            daemon.keep_up()
            slow.submit(feeder.feed(number))
            if fault := due.get(number):
                faults[fault] += 1
                match fault:
                    case "SIGKILL of the daemon":
                        daemon.kill()
                    case "SIGKILL of its child":
                        while not daemon.kill_child():
                            time.sleep(0.05)
                    case "inbox away":
                        vanish(inbox, feeder, 3)
                    case _:
                        fill(out, 8)
            behind = started + number * options.seconds / options.files - time.monotonic()
            time.sleep(max(0.0, behind))
    fed = time.monotonic() - started
    finished = wait_for(daemon, out, len(feeder.expected))
    balances = account(feeder, daemon, faults, (fed, daemon.stop()), scratch)
    return balances and finished


def wait_for(daemon: Daemon, out: Path, count: int) -> bool:
    """Wait until every file has its row and is moved; return whether that happened in time."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        daemon.keep_up()
        with contextlib.suppress(OSError, ValueError):
            health = json.loads((out / "health.json").read_text(encoding="utf-8"))
            idle = health["state"] == "watching" and not health["waiting"]
            if idle and len(rows_of(out)) >= count:
                return True
        time.sleep(0.5)
    return False


def account(
    feeder: Feeder, daemon: Daemon, faults: Counter[str], times: tuple[float, int], scratch: Path
) -> bool:
    """Print the account; return whether it balances."""
    out = scratch / "out"
    rows = rows_of(out)
    got = Counter((row["path"], row["sha256"]) for row in rows)
    wrong = sum((row["status"] == "ok") != feeder.expected.get((row["path"], row["sha256"]))
                for row in rows)  # fmt: skip
    left = [path for path in feeder.inbox.rglob("[!.]*.png") if not path.is_symlink()]
    moved = [path for name in ("done", "failed") for path in (out / name).rglob("*.png")]
    kept = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in left + moved)
    wanted = Counter(digest for _, digest in feeder.expected)
    subprocess.run(
        [sys.executable, "-m", "cxr_edge", "scan", str(out / "done" if moved else feeder.inbox),
         "--runtime", "onnx", "--out", str(scratch / "scan.csv"), "--quiet"], check=False,
    )  # fmt: skip
    with (scratch / "scan.csv").open(newline="", encoding="utf-8") as file:
        plain = {row["sha256"]: row["probability"] for row in csv.DictReader(file)}
    differ = sum(plain.get(row["sha256"]) != row["probability"]
                 for row in rows if row["status"] == "ok")  # fmt: skip
    fed, code = times
    kinds = ", ".join(f"{count} {kind}" for kind, count in feeder.arrived.most_common())
    print(f"{feeder.arrived.total()} arrivals in {fed:.0f} s: {kinds}")
    print(f"faults: {', '.join(f'{count} x {kind}' for kind, count in sorted(faults.items()))}")
    print(f"starts of the daemon: {daemon.starts}; exit code when asked to stop: {code}")
    checks = {
        "files in (by path and bytes)": (len(feeder.expected), len(feeder.expected)),
        "rows": (len(rows), len(feeder.expected)),
        "files without a row": (len(feeder.expected.keys() - got.keys()), 0),
        "rows without a file": (len(got.keys() - feeder.expected.keys()), 0),
        "files with two rows": (sum(count > 1 for count in got.values()), 0),
        "rows with the wrong status": (wrong, 0),
        "files in done/ and failed/": (len(moved), len(feeder.expected) * feeder.moves),
        "files in the inbox": (len(left), len(feeder.expected) * (not feeder.moves)),
        "files lost": ((wanted - kept).total(), 0),
        "probabilities unlike those of cxr scan": (differ, 0),
    }
    for what, (found, expected) in checks.items():
        told = "" if found == expected else f"   EXPECTED {expected}"
        print(f"{what:40} {found:>6}{told}")
    balances = code == 0 and all(a == b for a, b in checks.values())
    print("the account balances" if balances else "THE ACCOUNT DOES NOT BALANCE")
    if not balances:
        print((scratch / "log").read_text(encoding="utf-8", errors="replace")[-4000:])
    return balances


def main() -> None:
    """Run the soak test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--then", choices=("move", "leave"), default="move", help="option of it")
    parser.add_argument("--files", type=int, default=5000, help="arrivals")
    parser.add_argument("--seconds", type=float, default=240, help="time in which they arrive")
    parser.add_argument("--kills", type=int, default=10, help="times that the daemon gets SIGKILL")
    parser.add_argument("--others", type=int, default=3, help="times of each other fault")
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is drawn by lot")
    parser.add_argument("--scratch", type=Path, help="where folders are made and deleted again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        scratch = Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(scratch / "cache")
        (scratch / "out").mkdir()
        with small_disk(scratch / "out") as disk:
            balances = soak(options, scratch, disk=disk)
    sys.exit(not balances)


if __name__ == "__main__":
    main()
