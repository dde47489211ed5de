"""Progress of long work: the code that does it tells, and a display shows it where there is one."""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Display(Protocol):
    """A place where progress is shown; all calls come from one thread."""

    def begin(self, what: str, total: int | None) -> None:
        """Show that work begins, of so many steps, or of None if that is not known.

        It may be a part of the work that began before it and has not ended.
        """

    def advance(self) -> None:
        """Show one more step of the work that began last."""

    def end(self) -> None:
        """Show no more of the work that began last."""


_shown: list[Display] = []
"""Displays, of which the last one counts."""


@contextmanager
def shown_on(display: Display) -> Iterator[None]:
    """Show progress on a display while the context lasts; without one it is not shown."""
    _shown.append(display)
    try:
        yield
    finally:
        _shown.pop()


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield items, and show how many of them are done.

    Parameters
    ----------
    items
        Things to work on.
    what
        Work that is done on them: ``reading images``.
    total
        Count of the items, where they do not have one.
    """
    with _work(what, len(items) if isinstance(items, Sized) else total) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Show that work is going on while the context lasts, where nobody can count its steps."""
    with _work(what, None):
        yield


@contextmanager
def _work(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    if not _shown:
        yield lambda: None
        return
    display = _shown[-1]
    display.begin(what, total)
    try:
        yield display.advance
    finally:
        display.end()
