"""The place where files are worked on, as one small interface: threads here, or other machines."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """A function over a stream of items, side by side."""

    def map_ordered(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Call a function for each item, and consume only so many items ahead of the results.

        Yields
        ------
        tuple
            Each item with its result, in the order of the items. An error of the function is
            raised in place of its result, and ends the work.
        """
