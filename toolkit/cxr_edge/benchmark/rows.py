"""The rows of a benchmark, and its JSON."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cxr_edge import __version__
from cxr_edge.errors import UsageError
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.system.cpu import cpu_model, usable_cpus
from cxr_edge.system.versions import library_versions

BENCHMARK_VERSION: Final = 1
"""Version of the JSON."""


@dataclass(frozen=True)
class Setting:
    """One combination that is asked for."""

    runtime: str
    """``auto``, or a key of :data:`cxr_edge.models.registry.RUNTIMES`."""
    device: str
    """As for :func:`cxr_edge.models.open.open_model`."""
    batch_size: int | None
    """Images a call of the model; None for the fastest."""
    workers: int
    """Files at work at once."""
    threads: int
    """Threads of one call of the model."""

    def __str__(self) -> str:
        return (
            f"{self.runtime}, {self.device}, batch {self.batch_size or 'auto'}, "
            f"workers {self.workers}, threads {self.threads}"
        )


@dataclass(frozen=True)
class Figures:
    """What was measured of one setting. Rates are images a second, medians of the rounds."""

    model: str
    """As in the report's ``model`` column."""
    runtime: str
    """That ran it."""
    provider: str
    """That the runtime used."""
    batch_size: int
    """Images a call of the model."""
    batch_why: str
    """Why as many."""
    decode_rate: float
    """Files to pixels, by all workers."""
    inference_rate: float
    """Pixels to probabilities, by all workers."""
    end_to_end_rate: float
    """Files to rows of a report: all that ``cxr scan`` does after its start."""
    decode_cpu_ms: float
    """CPU time of decoding an image, alone, in one thread."""
    inference_cpu_ms: float
    """CPU time of scoring an image, alone, with one thread, in a batch as above."""
    ideal_rate: float
    """If all usable CPUs did nothing but decode and score, as fast as one of them does alone."""
    share: float
    """End to end, of the ideal."""
    p50_ms: float
    """Median time of an image from its bytes to its outcome, one at a time."""
    p95_ms: float
    """95th percentile of it."""
    p99_ms: float
    """99th percentile of it."""
    peak_bytes: int
    """Most memory that a process had which scanned all images once and did nothing else."""


@dataclass(frozen=True)
class Row:
    """One setting and what came of it."""

    asked: Setting
    """The setting."""
    figures: Figures | None
    """None where it cannot run."""
    error: str | None
    """Why it cannot."""


def write_json(rows: Sequence[Row], path: Path, images: int, distinct: int, rounds: int) -> None:
    """Write all figures, and of what machine they are.

    Parameters
    ----------
    rows
        As measured.
    path
        The file.
    images, distinct
        Images a pass, and how many of them are not the same.
    rounds
        That the figures are medians of.

    Raises
    ------
    UsageError
        It cannot be written.
    """
    data = {
        "benchmark_version": BENCHMARK_VERSION,
        "tool_version": __version__,
        "machine": {
            "cpu": cpu_model(),
            "architecture": platform.machine(),
            "usable_cpus": usable_cpus(),
            "libraries": library_versions(),
        },
        "films": images,
        "distinct_films": distinct,
        "rounds": rounds,
        "rows": [asdict(row) for row in rows],
    }
    try:
        write_text_atomically(path, json.dumps(data, indent=2) + "\n")
    except OSError as exc:
        raise UsageError(f"--json: {path} cannot be written: {exc.strerror}") from exc
