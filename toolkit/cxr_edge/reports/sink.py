"""The seam between a run and the places where its outcomes go."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from cxr_edge.reports.manifest import Manifest

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True)
class RunResult:
    """The end of a run."""

    manifest: Manifest
    """Manifest with the final counts, the times and the exit code."""
    error: BaseException | None = None
    """Error that stopped the run; None when it finished."""


class Sink(Protocol[T_contra]):
    """A place where the outcomes of a run go: report, quarantine, log, progress bar.

    All calls come from the one thread that writes. An exception from a sink stops the run.
    """

    def begin(self, manifest: Manifest) -> None:
        """Take the manifest as it stands before the first file; its counts go on counting."""

    def write(self, outcomes: Sequence[T_contra]) -> None:
        """Take the next outcomes, in the order of the files."""

    def close(self, result: RunResult) -> None:
        """End, however the run ended; called once for every sink that was asked to begin."""


class Sinks(Generic[T]):
    """Several sinks as one; each is closed even when another cannot be."""

    def __init__(self, sinks: Sequence[Sink[T]]) -> None:
        self._sinks = sinks
        self._begun: list[Sink[T]] = []

    def begin(self, manifest: Manifest) -> None:
        """Let each sink begin, in order."""
        for sink in self._sinks:
            self._begun.append(sink)
            sink.begin(manifest)

    def write(self, outcomes: Sequence[T]) -> None:
        """Hand the outcomes to each sink, in order."""
        for sink in self._sinks:
            sink.write(outcomes)

    def close(self, result: RunResult) -> None:
        """Close each sink that was asked to begin, the last one first."""
        with ExitStack() as stack:
            for sink in self._begun:
                stack.callback(sink.close, result)
