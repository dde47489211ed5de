"""What a scan is asked for."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxr_edge.batching import Batching
from cxr_edge.discover import ImageItem, PassedOver, discover
from cxr_edge.errors import ReportError, UsageError
from cxr_edge.machine import usable_cpus
from cxr_edge.manifest import Counts, RunIdentity, manifest_path
from cxr_edge.model import AUTO, Model
from cxr_edge.outcome import Decision
from cxr_edge.recipe import RECIPES
from cxr_edge.watch import Watch


@dataclass(frozen=True)
class Allowance:
    """How many files may fail."""

    text: str
    """``N`` or ``N%`` of the files done, which is looked at from the hundredth on."""

    def __post_init__(self) -> None:
        """Refuse what is neither.

        Raises
        ------
        UsageError
            It is no number, or more than 100 %.
        """
        number = self.text.removesuffix("%")
        if not number.isdecimal() or (self.is_share and int(number) > 100):
            raise UsageError(
                "--max-failures: expected a number of files or a share such as 5%, came "
                f"{self.text!r}"
            )

    @property
    def is_share(self) -> bool:
        """A share of the files, not a number."""
        return self.text.endswith("%")

    def check(self, counts: Counts) -> None:
        """Do nothing where no more have failed.

        Raises
        ------
        ReportError
            More have.
        """
        most = int(self.text.removesuffix("%"))
        if self.is_share:
            too_many = counts.rows >= 100 and 100 * counts.failed > most * counts.rows
        else:
            too_many = counts.failed > most
        if too_many:
            raise ReportError(
                f"stopped: {counts.failed} of {counts.rows} files failed, --max-failures allows "
                f"{self.text}; the report can be continued by the same command with a higher limit"
            )


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
    """How films are handed to the model."""
    workers: int = field(default_factory=usable_cpus)
    """Files at work at once."""
    threads: int = 1
    """That one call of the model may use."""
    fresh: bool = False
    """Set an existing report aside."""
    max_failures: Allowance | None = None
    """Stop once more files than this have failed."""
    quarantine: Path | None = None
    """Folder that takes the files that fail."""
    watch: Watch = field(default_factory=Watch)
    """That is told what is at work."""

    def items(self, passed_over: PassedOver | None = None) -> Iterator[ImageItem]:
        """Yield the files to scan; as :func:`cxr_edge.discover.discover`, but for the report."""
        own = {os.path.abspath(path) for path in (self.out, manifest_path(self.out))}  # noqa: PTH100  (links stay)
        return (item for item in discover(self.paths, passed_over) if item.where not in own)

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
