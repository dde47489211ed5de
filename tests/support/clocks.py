"""A clock for what waits."""

from dataclasses import dataclass, field


@dataclass
class PauseClock:
    """A clock that only pauses move, in place of the module ``time``."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
