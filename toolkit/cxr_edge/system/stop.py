"""The wish that a service ends, which a signal makes, and waits that it cuts short."""

from collections.abc import Iterator
from contextlib import contextmanager

from cxr_edge.system.signals import call_at_end
from cxr_edge.system.waker import Waker


class StopRequest:
    """Whether a service was asked to stop; its waits end early when it is, or is woken."""

    def __init__(self, waker: Waker) -> None:
        """Wait at a waker."""
        self._waker = waker
        self.is_made = False
        """Whether somebody asked."""

    def make(self) -> None:
        """Ask to stop; a signal handler may do so, as it may not set an event, which locks."""
        self.is_made = True
        self._waker.wake()

    def wake(self) -> None:
        """End the wait of now, or the next one, without a wish to stop."""
        self._waker.wake()

    def wait(self, seconds: float) -> bool:
        """Wait until somebody asks or wakes, or for so long; return whether it is to stop."""
        if not self.is_made:
            self._waker.wait(seconds)
        return self.is_made


@contextmanager
def stop_at_signal() -> Iterator[StopRequest]:
    """Let Ctrl-C, SIGTERM and SIGHUP ask a service to stop while the context lasts."""
    with Waker() as waker:
        request = StopRequest(waker)
        with call_at_end(request.make):
            yield request
