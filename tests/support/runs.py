"""Sessions of a fake model, sinks that note what they are told, and rows of reports."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.decision import Decision
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.sink import RunResult

ONE = Batching()


def session_of(
    model: Model, point: str | None = None, *, batching: Batching = ONE, workers: int | None = None
) -> Session:
    """Return a session of a model that is open already."""
    config = ScanConfig(workers=workers, self_test=False)
    return Session(config, model, Decision.of(model.spec, point), batching)


def rows(report: Path) -> list[dict[str, str]]:
    """Return the rows of a report or mapping, by column."""
    with report.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def nothing(*_: object) -> None:
    """Do nothing."""


class FakeSink:
    """A sink that notes its calls, and first calls a function that a test gives."""

    def __init__(
        self,
        begin: Callable[[Manifest], None] = nothing,
        write: Callable[[Sequence[object]], None] = nothing,
        close: Callable[[RunResult], None] = nothing,
    ) -> None:
        self.calls: list[str] = []
        self.outcomes: list[object] = []
        self.results: list[RunResult] = []
        self._begin, self._write, self._close = begin, write, close

    def begin(self, manifest: Manifest) -> None:
        self.calls.append(f"begin at {manifest.counts.rows}")
        self._begin(manifest)

    def write(self, outcomes: Sequence[object]) -> None:
        self.calls.append(f"write {len(outcomes)}")
        self.outcomes += outcomes
        self._write(outcomes)

    def close(self, result: RunResult) -> None:
        self.calls.append(f"close with {result.manifest.exit_code}")
        self.results.append(result)
        self._close(result)
