"""The Protocol of those who are told how a run goes on."""

from collections.abc import Sequence
from typing import Protocol

from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.manifest import RunManifest


class Counted(Protocol):
    """The manifest of any command that counts as it goes."""

    @property
    def counts(self) -> Counts:
        """Of the rows that are written."""


class Observer(Protocol):
    """Is told of a scan, by the thread that writes the report."""

    def begun(self, manifest: RunManifest) -> None:
        """Take the manifest as it stands before the first file; its counts go on counting."""

    def written(self, outcomes: Sequence[Outcome]) -> None:
        """Take a batch that is in the report now."""

    def ended(self, manifest: RunManifest) -> None:
        """Take the manifest of a finished scan; one that stops with an error does not end."""


class Unobserved:
    """Nobody is told."""

    def begun(self, manifest: Counted) -> None:
        """Do nothing."""

    def written(self, outcomes: Sequence[object]) -> None:
        """Do nothing."""

    def ended(self, manifest: Counted) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
