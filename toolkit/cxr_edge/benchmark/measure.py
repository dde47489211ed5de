"""How fast images become rows here, by runtime, device, batch and threads, beside what could be."""

import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.benchmark.rows import Figures, Row, Setting
from cxr_edge.errors import CxrError, UsageError
from cxr_edge.isolation.subprocess_call import apart
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.batch_size import Batching, choose_batching
from cxr_edge.models.locate import read_spec_file
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_model
from cxr_edge.pipeline.classify import classify, score
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import ImageItem, discover
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.pipeline.scan import AHEAD, prepare_all
from cxr_edge.pipeline.thread_engine import in_order
from cxr_edge.runtimes.timing import seconds
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.memory import peak_memory

_ANY_INPUT: Final = InputSpec(224, 224)
"""Whether an image can be decoded does not depend on the model that it is for."""


@dataclass(frozen=True)
class Plan:
    """What is measured, whatever the setting."""

    reference: str
    """The model; as for :func:`cxr_edge.models.open.open_model`."""
    images: Path
    """A folder of images, all readable; see :func:`gather`."""
    report: Path
    """Where reports are written; nobody reads them."""
    rounds: int
    """Times that everything is measured; medians count."""
    spec_file: Path | None = None
    """For a model that carries no spec."""


def gather(source: Path, count: int, folder: Path) -> int:
    """Fill a folder with links to images: the first readable ones, repeated where they are few.

    Parameters
    ----------
    source
        Where the images are.
    count
        Links to make.
    folder
        An empty folder.

    Returns
    -------
    int
        Images that are not the same.

    Raises
    ------
    UsageError
        No file can be read as an image.
    """
    images: list[Path] = []
    for item in discover([source]):
        if isinstance(prepare(item.file, _ANY_INPUT).content, Pixels):
            images.append(item.file)
        if len(images) == count:
            break
    if not images:
        raise UsageError(f"expected at least one image that can be read in {source}, it has none")
    for number in range(count):
        image = images[number % len(images)]
        (folder / f"{number:0{len(str(count))}}{image.suffix}").symlink_to(image)
    return len(images)


def measure(plan: Plan, setting: Setting) -> Row:
    """Measure one setting, in processes of its own; one that cannot run is a row with the reason.

    What is ``auto`` is chosen in a process before: the memory that choosing takes is not that of a
    scan, where what was chosen is remembered.
    """
    try:
        runtime, batching = apart(_choose, plan, setting)
        chosen = replace(setting, runtime=runtime)
        return Row(setting, apart(_measure, plan, chosen, batching), None)
    except CxrError as exc:
        return Row(setting, None, str(exc))


def _open(plan: Plan, setting: Setting) -> Model:
    return open_model(
        plan.reference,
        setting.runtime,
        device=setting.device,
        spec=read_spec_file(plan.spec_file) if plan.spec_file else None,
        threads=setting.threads,
    )


def _choose(plan: Plan, setting: Setting) -> tuple[str, Batching]:
    """Return the runtime and the batching that ``cxr scan`` takes."""
    model = _open(plan, setting)
    return model.runtime_name, choose_batching(model, setting.batch_size, setting.workers)


def _measure(plan: Plan, setting: Setting, batching: Batching) -> Figures:
    """Measure in this process, which has done nothing else."""
    model = _open(plan, setting)
    job = ScanJob(
        paths=[plan.images],
        out=plan.report,
        model=model,
        decision=Decision.of(model.spec),
        batching=batching,
        workers=setting.workers,
        threads=setting.threads,
        fresh=True,
    )
    run_scan(job)  # not counted: files are not in memory yet, nor are the model's buffers
    peak = peak_memory()
    alone = model if setting.threads == 1 else _open(plan, replace(setting, threads=1))
    passes = _Passes(job, alone, list(job.items()))
    rounds = [passes.once() for _ in range(plan.rounds)]
    images = len(passes.items)
    per_image = {
        name: statistics.median(times[name] for times in rounds) / images for name in rounds[0]
    }
    ideal = usable_cpus() / (per_image["decode alone"] + per_image["inference alone"])
    p50, p95, p99 = (float(1e3 * value) for value in np.percentile(passes.latencies, (50, 95, 99)))
    return Figures(
        model=model.tag,
        runtime=model.runtime_name,
        provider=model.runtime.provider,
        batch_size=batching.size,
        batch_why=batching.why,
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


class _Passes:
    """The passes over all images that a round is made of."""

    def __init__(self, job: ScanJob, alone: Model, items: Sequence[ImageItem]) -> None:
        """Take the scan, its model with one thread a call, and its images."""
        self.job = job
        self.alone = alone
        self.items = items
        self.latencies: list[float] = []

    def once(self) -> dict[str, float]:
        """Return the seconds of each pass. Passes take turns: a drifting machine slows all alike.

        Those that are alone are CPU time of the process, which then does nothing else; a runtime
        may compute in a thread of its own.
        """
        self.latencies += [seconds(partial(self._classify, item)) for item in self.items]
        return {
            "end to end": seconds(partial(run_scan, self.job)),
            "decode": seconds(self._decode),
            "inference": seconds(self._infer),
            "decode alone": seconds(self._decode_alone, time.process_time),
            "inference alone": seconds(self._infer_alone, time.process_time),
        }

    @cached_property
    def _batches(self) -> list[list[NDArray[np.uint8]]]:
        images = [
            image.content.pixels
            for _, image in prepare_all(self.items, self.job.model.spec.input, ahead=AHEAD)
            if isinstance(image.content, Pixels)
        ]
        size = self.job.batching.size
        return [images[start : start + size] for start in range(0, len(images), size)]

    def _classify(self, item: ImageItem) -> None:
        classify([item], self.job.model, self.job.decision, Batching())

    def _decode(self) -> None:
        job = self.job
        ahead = AHEAD * job.workers
        _exhaust(prepare_all(self.items, job.model.spec.input, ahead=ahead, workers=job.workers))

    def _infer(self) -> None:
        job = self.job
        call = partial(score, runtime=job.model.runtime, batching=job.batching)
        ahead = AHEAD * job.workers
        _exhaust(in_order(call, self._batches, ahead=ahead, workers=job.workers))

    def _decode_alone(self) -> None:
        for item in self.items:
            prepare(item.file, self.job.model.spec.input)

    def _infer_alone(self) -> None:
        for images in self._batches:
            score(images, self.alone.runtime, self.job.batching)


def _exhaust(stream: Iterable[object]) -> None:
    for _ in stream:
        pass
