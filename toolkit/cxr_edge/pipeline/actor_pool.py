"""Work handed out to actors that may die at any time, with the results in order."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Generic, Protocol, cast

from cxr_edge import __version__
from cxr_edge.errors import CxrError, UsageError
from cxr_edge.pipeline.engine import R, T
from cxr_edge.system.plural import counted

AHEAD: Final = 8
"""Items per actor that may be taken up before the first result is out."""

QUEUED: Final = 2
"""Items that an actor holds: one in hand, and one so that it need not wait for the next."""

DEATHS: Final = 8
"""Actors that may die with one item in hand."""

LOOK: Final = 1.0
"""Seconds to wait for a result before looking around."""

GROW: Final = 15.0
"""Seconds between two looks for machines that have joined."""

TELL: Final = 30.0
"""Seconds between two messages that no machine is at work."""

PATIENCE: Final = 900.0
"""Seconds without a machine after which the work ends."""


class ActorLost(Exception):
    """An actor died with a call, or cannot be reached."""

    def __init__(self, *, is_dead: bool = False) -> None:
        """Tell whether it will not come back."""
        super().__init__()
        self.is_dead = is_dead


class Actors(Protocol):
    """The actors of a cluster. Actors and calls are whatever the cluster makes of them."""

    def start(self) -> Any:
        """Start an actor, and return it at once; whenever it dies, it is started again."""

    def greet(self, actor: Any) -> Any:
        """Ask an actor for its version of cxr-edge and its machine, once it is there again."""

    def call(self, actor: Any, item: object, deaths: int) -> Any:
        """Let an actor work on an item that was in hand when so many actors died."""

    def done(self, calls: list[Any], seconds: float) -> list[Any]:
        """Return the calls that have a result; wait for one for so long."""

    def result(self, call: Any) -> Any:
        """Return the result of a call; raises ActorLost, or the error of the function."""

    def end(self, actor: Any) -> None:
        """End an actor for good."""


@dataclass(eq=False)
class _Task:
    """One item."""

    item: Any
    result: Any = None
    done: bool = False
    deaths: int = 0
    """Actors that died with it in hand."""


@dataclass(eq=False)
class _Member:
    """An actor as its pool knows it."""

    actor: Any
    greeting: Any = None
    """Call that it has not answered yet; None once it is at work."""
    tasks: dict[Any, _Task] = field(default_factory=dict)
    """Items that it holds, by their calls, in the order in which it takes them up."""


class Pool(Generic[T, R]):
    """Actors that come and go; whoever is there works."""

    def __init__(
        self, actors: Actors, wanted: Callable[[], int], tell: Callable[[str], object]
    ) -> None:
        """Take the actors, the number that there should be, and whom to tell of trouble."""
        self._actors, self._wanted, self._tell = actors, wanted, tell
        self._members: list[_Member] = []
        self._calls: dict[Any, _Member] = {}
        self._waiting: deque[_Task] = deque()
        self._free: tuple[deque[_Member], ...] = tuple(deque() for _ in range(QUEUED))
        self._at_work = 0
        self._looked = self._told = -GROW
        self._alone_since = time.monotonic()

    @property
    def is_busy(self) -> bool:
        """Whether an item is in hand."""
        return bool(self._waiting) or any(member.tasks for member in self._members)

    def map_ordered(self, items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Yield each item with its result, in order, and take up a bounded number ahead."""
        source = iter(items)
        window: deque[_Task] = deque()
        self._alone_since = time.monotonic()
        self._grow()
        while True:
            room = AHEAD * max(1, self._at_work) - len(window)
            for item in islice(source, max(0, room)):
                task = _Task(item)
                window.append(task)
                self._waiting.append(task)
                self._hand_out()
            if not window:
                return
            if window[0].done:
                task = window.popleft()
                yield task.item, cast("R", task.result)
            else:
                self._wait()

    def end(self) -> None:
        """End the actors, with what they have in hand."""
        for member in self._members:
            self._actors.end(member.actor)

    def _grow(self) -> None:
        """Start the actors that there should be and are not."""
        now = time.monotonic()
        if now - self._looked < GROW:
            return
        self._looked = now
        for _ in range(self._wanted() - len(self._members)):
            member = _Member(self._actors.start())
            self._members.append(member)
            self._greet(member)

    def _greet(self, member: _Member) -> None:
        member.greeting = self._actors.greet(member.actor)
        self._calls[member.greeting] = member

    def _hand_out(self) -> None:
        """Give items that wait to actors that have room, first to those that have nothing."""
        for held, free in enumerate(self._free):
            while self._waiting and free:
                member = free.popleft()
                if member.greeting is not None or len(member.tasks) != held:
                    continue  # it has died or got an item since
                task = self._waiting.popleft()
                call = self._actors.call(member.actor, task.item, task.deaths)
                member.tasks[call] = task
                self._calls[call] = member
                self._offer(member)

    def _offer(self, member: _Member) -> None:
        """Note that an actor has room, if it has."""
        if len(member.tasks) < QUEUED:
            self._free[len(member.tasks)].append(member)

    def _wait(self) -> None:
        """Wait for a result, or for an actor that comes or goes."""
        self._grow()
        calls = [*self._calls]
        done = frozenset(self._actors.done(calls, LOOK))
        for call in calls:  # as they were made: what an actor has done is not what ended it
            if call in done:
                self._settle(call)
        self._hand_out()
        if self._at_work:
            self._alone_since = time.monotonic()
        else:
            self._look_out()

    def _settle(self, call: Any) -> None:
        member = self._calls.pop(call, None)
        if member is None:  # its actor died, and all that it held was settled
            return
        try:
            result = self._actors.result(call)
        except ActorLost as lost:
            self._lost(member, lost)
            return
        if call == member.greeting:
            _require_same_version(*result)
            member.greeting = None
            self._at_work += 1
        else:
            task = member.tasks.pop(call)
            task.result, task.done = result, True
        self._offer(member)

    def _lost(self, member: _Member, lost: ActorLost) -> None:
        """Take back what an actor held that died: the first item was in hand, no other was."""
        tasks = [*member.tasks.values()]
        for call in member.tasks:
            self._calls.pop(call, None)
        member.tasks.clear()
        if tasks:
            tasks[0].deaths += 1
            if tasks[0].deaths >= DEATHS:
                raise CxrError(
                    f"{DEATHS} workers of the cluster died at the same images, the last ones with "
                    "each file decoded in a process of its own; written rows are kept; try another "
                    "--runtime, or 'cxr verify MODEL --self-test', and run the same command again"
                )
        self._waiting.extendleft(reversed(tasks))
        if member.greeting is None:
            self._at_work -= 1
        elif lost.is_dead:
            member.actor = self._actors.start()
        self._greet(member)

    def _look_out(self) -> None:
        """Tell that no machine is at work, every now and then, and end it after long."""
        now = time.monotonic()
        alone = now - self._alone_since
        if alone > PATIENCE:
            raise CxrError(
                f"expected a machine of the cluster with free CPUs, got none for {PATIENCE:.0f} s; "
                "written rows are kept: look at 'ray status', start machines with 'ray start', and "
                "run the same command again"
            )
        if alone > TELL and now - self._told > TELL:
            self._told = now
            count = counted(len(self._members), "worker", "workers")
            self._tell(
                f"waiting for the cluster, {alone:.0f} s so far: 0 of {count} at work; the scan "
                f"goes on when one is there, and ends after {PATIENCE:.0f} s"
            )


def _require_same_version(version: str, machine: str) -> None:
    if version != __version__:
        raise UsageError(
            f"{machine}: expected cxr-edge {__version__} as on this machine, got {version}; "
            "install the same version on all machines of the cluster"
        )
