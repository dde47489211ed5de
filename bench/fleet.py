"""Time and cost of a scan on many machines, by simulation; docs/scale.md has its tables.

    python bench/fleet.py [--films 10000000 100000000] [--nodes 4 16 64] [--rate 90] [OPTION ...]

Simulates what a scan on a cluster does: one driver lists the files and cuts them into tasks, each
core of each node works on one task at a time, the driver takes the outcomes in the order of the
files and lets workers run only so far ahead of the oldest that is missing. Nodes fail and return; a
task that a node had in hand is done again. The rates are yours: measure them with ``cxr benchmark``
on one core of a node and on your images. Nothing is scanned, and the same --seed gives the same
table.
"""

import argparse
import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

HOUR: Final = 3600.0


@dataclass(frozen=True)
class Fleet:
    """Machines, and what limits them."""

    nodes: int
    cores: int
    """Workers of each node."""
    rate: float
    """Images per second of one core, decoded and scored."""
    spread: float
    """Standard deviation of a task's time, as a share of its mean."""
    task: int
    """Files per task."""
    ahead: int
    """Tasks per worker that may be out of the driver's hands before the oldest is back."""
    listing: float
    """Files per second that the driver lists."""
    driver: float
    """Seconds of the driver per task: hand it out, take its outcomes, write their rows."""
    megabytes: float
    """Mean size of a file in megabytes."""
    gigabits: float
    """Network of one node in gigabits per second."""
    failure: float
    """Hours of work after which a node fails, on average; 0 for never."""
    away: float
    """Minutes until a node that failed works again."""

    @property
    def workers(self) -> int:
        """Workers of all nodes."""
        return self.nodes * self.cores

    @property
    def core_rate(self) -> float:
        """Images per second of one core, as its share of the network lets it."""
        return min(self.rate, self.gigabits * 1000 / 8 / self.megabytes / self.cores)

    @property
    def limits(self) -> dict[str, float]:
        """Images per second that each part can do at most."""
        return {
            "cores": self.rate * self.workers,
            "network": self.gigabits * 1000 / 8 / self.megabytes * self.nodes,
            "listing": self.listing,
            "driver": self.task / self.driver,
        }


@dataclass
class Run:
    """One simulated scan: events in the order of their time."""

    fleet: Fleet
    films: int
    random: random.Random
    redone: int = 0
    """Tasks that were lost with a node."""
    failures: int = 0
    _events: list[tuple[float, int, int, int]] = field(default_factory=list)
    """Time, worker (or -1 - node for a failure), round of its node, task."""
    _round: list[int] = field(default_factory=list)
    """Count of failures of each node: what an earlier round began is lost."""
    _hands: dict[int, int] = field(default_factory=dict)
    """Worker to the task that it has in hand."""
    _lost: list[int] = field(default_factory=list)
    _done: set[int] = field(default_factory=set)
    """Tasks that are done and wait for an older one."""
    _next: int = 0
    _oldest: int = 0
    _idle: list[int] = field(default_factory=list)
    _driver_free: float = 0.0

    def seconds(self) -> float:
        """Return how long the scan takes from the first file listed to the last row."""
        fleet = self.fleet
        tasks = math.ceil(self.films / fleet.task)
        self._round = [0] * fleet.nodes
        if fleet.failure:
            for node in range(fleet.nodes):
                self._plan_failure(node, 0.0)
        for worker in range(fleet.workers):
            self._take_up(worker, 0.0, tasks)
        while self._oldest < tasks:
            now, who, round_, task = heapq.heappop(self._events)
            if who < 0:
                self._fail(-1 - who, now)
            elif round_ == self._round[who // fleet.cores]:
                if task >= 0:
                    self._finish(who, task, now)
                self._take_up(who, max(now, self._driver_free), tasks)
                while self._idle and self._may_start(tasks):
                    self._take_up(self._idle.pop(), max(now, self._driver_free), tasks)
        return self._driver_free

    def _may_start(self, tasks: int) -> bool:
        within = self._next < self._oldest + self.fleet.ahead * self.fleet.workers
        return bool(self._lost) or (self._next < tasks and within)

    def _take_up(self, worker: int, now: float, tasks: int) -> None:
        if not self._may_start(tasks):
            self._idle.append(worker)
            return
        fleet = self.fleet
        if self._lost:
            task = heapq.heappop(self._lost)
        else:
            task, self._next = self._next, self._next + 1
        listed = (task + 1) * fleet.task / fleet.listing
        mean = fleet.task / fleet.core_rate
        # Gamma: never negative, mean and spread as told.
        shape = 1 / fleet.spread**2
        took = self.random.gammavariate(shape, mean / shape)
        self._hands[worker] = task
        node = worker // fleet.cores
        heapq.heappush(self._events, (max(now, listed) + took, worker, self._round[node], task))

    def _finish(self, worker: int, task: int, now: float) -> None:
        del self._hands[worker]
        self._driver_free = max(now, self._driver_free) + self.fleet.driver
        self._done.add(task)
        while self._oldest in self._done:
            self._done.remove(self._oldest)
            self._oldest += 1

    def _fail(self, node: int, now: float) -> None:
        fleet = self.fleet
        self.failures += 1
        self._round[node] += 1
        back = now + 60 * fleet.away
        mine = range(node * fleet.cores, (node + 1) * fleet.cores)
        for worker in mine:
            if (task := self._hands.pop(worker, None)) is not None:
                heapq.heappush(self._lost, task)
                self.redone += 1
            heapq.heappush(self._events, (back, worker, self._round[node], -1))
        self._idle = [worker for worker in self._idle if worker not in mine]
        self._plan_failure(node, back)

    def _plan_failure(self, node: int, now: float) -> None:
        at = now + self.random.expovariate(1 / (HOUR * self.fleet.failure))
        heapq.heappush(self._events, (at, -1 - node, 0, -1))


def rows(options: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table."""
    for films in options.films:
        for nodes in options.nodes:
            fleet = Fleet(
                nodes,
                options.cores,
                options.rate,
                options.spread,
                options.task,
                options.ahead,
                options.listing,
                options.driver_ms / 1000,
                options.megabytes,
                options.gigabits,
                options.failure,
                options.away,
            )
            run = Run(fleet, films, random.Random(options.seed))  # noqa: S311  (a simulation)
            seconds = run.seconds()
            limit = min(fleet.limits, key=fleet.limits.__getitem__)
            core_hours = fleet.workers * seconds / HOUR
            gigabytes = films * fleet.megabytes / 1000
            price = (
                core_hours * options.core_hour
                + films / 1000 * options.thousand_reads
                + films / 1e6 * options.thousand_lists
                + gigabytes * options.gigabyte_out
            )
            yield (
                f"{films:,}",
                f"{nodes} x {options.cores}",
                f"{seconds / HOUR:.2f}",
                f"{films / seconds:,.0f}",
                f"{films / seconds / fleet.workers / options.rate:.0%}",
                limit,
                f"{core_hours:,.0f}",
                f"{films / core_hours:,.0f}",
                f"{run.failures}",
                f"{run.redone * fleet.task:,}",
                f"{price:,.0f}" if price else "",
            )


HEADER: Final = (
    "images", "nodes x cores", "hours", "images/s", "of the cores", "limit", "core-hours",
    "images per core-hour", "nodes lost", "images done again", "price",
)  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--films", type=int, nargs="+", default=[10_000_000, 100_000_000])
    add("--nodes", type=int, nargs="+", default=[4, 16, 64])
    add("--cores", type=int, default=16, help="workers per node")
    add("--rate", type=float, default=146, help="images per second of one core")
    add("--spread", type=float, default=0.3, help="deviation of a task's time, share of its mean")
    add("--task", type=int, default=32, help="files per task")
    add("--ahead", type=int, default=8, help="tasks per worker before the oldest is back")
    add("--listing", type=float, default=10000, help="files per second that the driver lists")
    add("--driver-ms", type=float, default=1.6, help="milliseconds of the driver per task")
    add("--megabytes", type=float, default=0.17, help="mean size of a file")
    add("--gigabits", type=float, default=10, help="network of one node, per second")
    add("--failure", type=float, default=0, help="hours after which a node fails; 0 for never")
    add("--away", type=float, default=5, help="minutes until it works again")
    add("--core-hour", type=float, default=0, help="price of a core for an hour")
    add("--thousand-reads", type=float, default=0, help="price of 1,000 GET requests")
    add("--thousand-lists", type=float, default=0, help="price of 1,000 LIST requests")
    add("--gigabyte-out", type=float, default=0, help="price of a gigabyte that leaves the store")
    add("--seed", type=int, default=1)
    options = parser.parse_args()
    for row in (HEADER, ("---",) * len(HEADER), *rows(options)):
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
