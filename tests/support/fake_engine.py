"""An engine without threads."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class FakeEngine:
    """Calls the function here and now; it notes the items."""

    items: list[object] = field(default_factory=list)

    def map_ordered(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        for item in items:
            self.items.append(item)
            yield item, function(item)
