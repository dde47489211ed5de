"""Measurement of one setting: rates, latencies and memory, in processes of its own."""

import statistics
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxr_edge.benchmark.passes import Passes
from cxr_edge.benchmark.rows import BenchmarkFigures, BenchmarkRow, Setting
from cxr_edge.errors import CxrError
from cxr_edge.isolation.subprocess_call import call_in_subprocess
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.memory import peak_memory


@dataclass(frozen=True)
class BenchmarkPlan:
    """Everything that all settings have in common."""

    reference: str
    """Model as in :class:`cxr_edge.jobs.session.ScanConfig`."""
    images: Path
    """Folder of images, all readable; see :func:`cxr_edge.benchmark.images.link_images`."""
    report: Path
    """Report that every scan overwrites."""
    rounds: int
    """Number of passes of each kind, whose medians count."""
    spec_file: Path | None = None
    """Spec for a model that carries none."""


def measure(plan: BenchmarkPlan, setting: Setting) -> BenchmarkRow:
    """Measure one setting; a setting that cannot run gives a row with the reason.

    ``auto`` is resolved in a first process and measured in a second one, because resolving it takes
    memory that a scan does not take once the choice is remembered.
    """
    try:
        chosen = replace(setting, runtime=call_in_subprocess(_choose, plan, setting))
        return BenchmarkRow(setting, call_in_subprocess(_measure, plan, chosen), None)
    except CxrError as exc:
        return BenchmarkRow(setting, None, str(exc))


def _config(plan: BenchmarkPlan, setting: Setting) -> ScanConfig:
    return ScanConfig(
        model=plan.reference,
        spec=plan.spec_file,
        runtime=setting.runtime,
        device=setting.device,
        batch_size=setting.batch_size,
        workers=setting.workers,
        threads=setting.threads,
        self_test=False,
    )


def _choose(plan: BenchmarkPlan, setting: Setting) -> str:
    """Return the runtime that ``cxr scan`` takes; what was measured for it is remembered."""
    return Session.open(_config(plan, setting)).model.runtime_name


def _measure(plan: BenchmarkPlan, setting: Setting) -> BenchmarkFigures:
    """Measure in this process, which has done nothing else."""
    config = _config(plan, setting)
    session = Session.open(config)
    job = ScanJob([plan.images], plan.report, session, fresh=True)
    run_scan(job)  # not counted: files are not in memory yet, nor are the model's buffers
    peak = peak_memory()
    alone = session if setting.threads == 1 else Session.open(replace(config, threads=1))
    passes = Passes(job, alone.model, list(job.sources.items()))
    rounds = [passes.once() for _ in range(plan.rounds)]
    images = len(passes.items)
    per_image = {
        name: statistics.median(times[name] for times in rounds) / images for name in rounds[0]
    }
    ideal = usable_cpus() / (per_image["decode alone"] + per_image["inference alone"])
    p50, p95, p99 = (float(1e3 * value) for value in np.percentile(passes.latencies, (50, 95, 99)))
    return BenchmarkFigures(
        model=session.model.tag,
        runtime=session.model.runtime_name,
        provider=session.model.runtime.provider,
        batch_size=session.batching.size,
        batch_why=session.batching.why,
        decode_rate=1 / per_image["decode"],
        inference_rate=1 / per_image["inference"],
        end_to_end_rate=1 / per_image["end to end"],
        decode_cpu_ms=1e3 * per_image["decode alone"],
        inference_cpu_ms=1e3 * per_image["inference alone"],
        ideal_rate=ideal,
        share=1 / per_image["end to end"] / ideal,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        peak_bytes=peak,
    )
