"""What a scan is asked for."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.failure_limit import FailureLimit
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.models.registry import AUTO
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import ImageItem, Skipped, discover
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.run_identity import RunIdentity
from cxr_edge.spec.recipe import RECIPES
from cxr_edge.system.cpu import usable_cpus


@dataclass(frozen=True)
class ScanJob:
    """What to scan, with what, into which report."""

    paths: Sequence[Path]
    """Files and folders."""
    out: Path
    """The report."""
    model: Model
    """That classifies."""
    decision: Decision
    """That labels."""
    runtime_asked: str = AUTO
    """For the manifest."""
    device_asked: str = AUTO
    """For the manifest."""
    self_test: str = "not asked for"
    """For the manifest."""
    batching: Batching = field(default_factory=Batching)
    """How images are handed to the model."""
    workers: int = field(default_factory=usable_cpus)
    """Files at work at once."""
    threads: int = 1
    """That one call of the model may use."""
    fresh: bool = False
    """Set an existing report aside."""
    max_failures: FailureLimit | None = None
    """Stop once more files than this have failed."""
    quarantine: Path | None = None
    """Folder that takes the files that fail."""
    in_flight: InFlightTable = field(default_factory=InFlightTable)
    """That is told what is at work."""

    def items(self, skipped: Skipped | None = None) -> Iterator[ImageItem]:
        """Yield the files to scan: what ``discover`` finds, without the report and its manifest."""
        own = {os.path.abspath(path) for path in (self.out, manifest_path(self.out))}  # noqa: PTH100  (links stay)
        return (item for item in discover(self.paths, skipped) if item.where not in own)

    @property
    def identity(self) -> RunIdentity:
        """What must not change between the runs into one report."""
        spec = self.model.spec
        return RunIdentity(
            model=spec.name,
            model_sha256=self.model.sha256,
            input=str(spec.input),
            recipe=spec.input.recipe,
            recipe_sha256=RECIPES[spec.input.recipe].digest,
            labels=spec.labels,
            threshold=self.decision.threshold,
            runtime=self.model.runtime_name,
            provider=self.model.runtime.provider,
            batch_size=self.batching.size if self.batching.padded else 1,
        )
