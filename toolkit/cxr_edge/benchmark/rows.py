"""Rows of a benchmark: settings with their figures, and their JSON."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cxr_edge import __version__
from cxr_edge.errors import UsageError
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.system.cpu import CpuInfo, usable_cpus
from cxr_edge.system.versions import library_versions

BENCHMARK_VERSION: Final = 2
"""Version of the JSON."""


@dataclass(frozen=True)
class Setting:
    """One combination of options to measure."""

    runtime: str
    """Runtime: ``auto``, or a key of :data:`cxr_edge.models.registry.RUNTIMES`."""
    device: str
    """Device: one of :data:`cxr_edge.runtimes.providers.DEVICES`."""
    batch_size: int | None
    """Images per model call; None for the fastest."""
    workers: int
    """Files processed in parallel."""
    threads: int
    """CPU threads per model call."""

    def __str__(self) -> str:
        return (
            f"{self.runtime}, {self.device}, batch {self.batch_size or 'auto'}, "
            f"workers {self.workers}, threads {self.threads}"
        )


@dataclass(frozen=True)
class BenchmarkFigures:
    """Figures of one setting; rates are images per second, medians over the rounds."""

    model: str
    """Model as in the report: name and digest."""
    runtime: str
    """Runtime that was used."""
    provider: str
    """Execution provider or device that the runtime used."""
    batch_size: int
    """Images per model call."""
    batch_why: str
    """Reason for the batch size."""
    decode_rate: float
    """Rate of files to pixels, by all workers."""
    inference_rate: float
    """Rate of pixels to probabilities, by all workers."""
    end_to_end_rate: float
    """Rate of files to report rows: all that ``cxr scan`` does after its start."""
    decode_cpu_ms: float
    """CPU milliseconds per image of decoding, in one thread that runs alone."""
    inference_cpu_ms: float
    """CPU milliseconds per image of scoring in these batches, in one thread that runs alone."""
    ideal_rate: float
    """Rate if every usable CPU only decoded and scored, as fast as one of them does alone."""
    share: float
    """Share of the ideal rate that the end-to-end rate reaches."""
    p50_ms: float
    """Median milliseconds of one image from its bytes to its outcome, one at a time."""
    p95_ms: float
    """95th percentile of the same."""
    p99_ms: float
    """99th percentile of the same."""
    peak_bytes: int
    """Peak memory of a process that scanned all images once and did nothing else."""


@dataclass(frozen=True)
class BenchmarkRow:
    """A setting with its figures, or with the reason why it cannot run."""

    asked: Setting
    """Setting that was asked for."""
    figures: BenchmarkFigures | None
    """Figures; None if the setting cannot run."""
    error: str | None
    """Reason why it cannot run; None if it ran."""


def write_json(
    rows: Sequence[BenchmarkRow], path: Path, images: int, distinct: int, rounds: int
) -> None:
    """Write all figures, and the machine that they were measured on.

    Parameters
    ----------
    rows
        Rows in the order of the table.
    path
        JSON file to write.
    images, distinct
        Images per pass, and how many of them are different.
    rounds
        Passes of each kind, whose medians the figures are.

    Raises
    ------
    UsageError
        The file cannot be written.
    """
    data = {
        "benchmark_version": BENCHMARK_VERSION,
        "tool_version": __version__,
        "machine": {
            "cpu": CpuInfo.read().name,
            "architecture": platform.machine(),
            "usable_cpus": usable_cpus(),
            "libraries": library_versions(),
        },
        "images": images,
        "distinct_images": distinct,
        "rounds": rounds,
        "rows": [asdict(row) for row in rows],
    }
    try:
        write_text_atomically(path, json.dumps(data, indent=2) + "\n")
    except OSError as exc:
        raise UsageError(f"--json: {path} cannot be written: {exc.strerror}") from exc
