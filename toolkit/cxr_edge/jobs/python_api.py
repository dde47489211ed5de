"""The functions of ``import cxr_edge`` that open a model and scan files."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.models.locate import DEFAULT
from cxr_edge.pipeline.classifier import Classifier, not_opened
from cxr_edge.pipeline.discover import Skipped, discover
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.pipeline.scan import scan as scan_items
from cxr_edge.pipeline.source_folders import SourceFolders
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.runtimes.providers import AUTO
from cxr_edge.system.arguments import (
    require_path,
    require_path_text,
    require_switch,
    require_text,
)
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.ranges import WORKERS


def open_model(
    model: str | Path = DEFAULT,
    *,
    operating_point: str | None = None,
    threshold: float | None = None,
    on_input_check: str | None = None,
    spec: str | Path | None = None,
    runtime: str = AUTO,
    device: str = AUTO,
    threads: int | None = None,
    batch_size: int | None = 1,
    self_test: bool = True,
    allow_nondeterministic: bool = False,
) -> Classifier:
    """Open a model, as ``cxr scan`` does.

    Parameters
    ----------
    model
        ``"default"``, a model package, or an ``.onnx`` or ``.tflite`` file.
    operating_point
        Name of a threshold of the model; the model's default if neither it nor ``threshold`` is
        given.
    threshold
        Threshold from 0 to 1, in place of a name.
    on_input_check
        Answer to images that the input check says should not be scored: ``"flag"``, ``"review"``
        or ``"fail"``; None for ``"review"``.
    spec
        Spec file for a model that carries none.
    runtime
        ``"auto"``, ``"onnx"``, ``"litert"`` or ``"openvino"``.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or another device of the runtime.
    threads
        CPU threads per call of the model; None for those that ``cxr benchmark --choose`` found to
        be the fastest here, or 1.
    batch_size
        Images per call of the model in :func:`scan`; None for the fastest, which is measured.
    self_test
        Whether a package's self-test runs before its first use on this machine.
    allow_nondeterministic
        Whether a model is used whose answer to an image varies, or depends on other images.

    Returns
    -------
    Classifier
        Opened model; ``classifier.model.spec`` tells what it expects and means.

    Raises
    ------
    UsageError
        The model does not exist, or an argument cannot work.
    ModelError
        The model cannot be run here, or its answers are no probabilities or vary.
    SelfTestFailed
        The model gives other results here than where its package was made.
    """
    return Session.open(
        ScanConfig(
            model=str(require_path("model", model)),
            spec=None if spec is None else require_path("spec", spec),
            runtime=require_text("runtime", runtime),
            device=require_text("device", device),
            operating_point=(
                None
                if operating_point is None
                else require_text("operating_point", operating_point)
            ),
            threshold=threshold,
            on_input_check=on_input_check,
            batch_size=batch_size,
            threads=threads,
            self_test=require_switch("self_test", self_test),
            allow_nondeterministic=require_switch("allow_nondeterministic", allow_nondeterministic),
        ),
        chosen=True,
    ).classifier


def scan(
    paths: str | Path | Sequence[str | Path],
    classifier: Classifier | None = None,
    *,
    workers: int | None = None,
    skipped: Skipped | None = None,
) -> Iterator[Outcome]:
    """Classify the files below folders, in the order of ``cxr scan``; nothing is written.

    Files are decoded in this process: one that crashes a decoder ends it. ``cxr scan`` keeps
    such files apart, and writes a report that can be continued.

    Parameters
    ----------
    paths
        Files and folders, with everything below them; archives and buckets as for ``cxr scan``;
        or a :class:`~cxr_edge.storage.place.Placed` of another storage.
    classifier
        Opened model; the default model if it is not given.
    workers
        Files processed in parallel; as many as usable CPUs by default.
    skipped
        Counts of files that are not taken, filled while the outcomes are consumed.

    Returns
    -------
    iterator of Prediction and Failure
        One for every file taken, in sorted order; files are read as it is consumed.

    Raises
    ------
    UsageError
        A path does not exist, ``workers`` is out of range, or an argument is of another kind.
    ReportError
        A folder vanished while it was read.
    MachineError
        This process cannot open one more file.
    ModelError
        The runtime failed.
    """
    if workers is not None:
        WORKERS.require("workers", workers)
    several = paths if isinstance(paths, Iterable) and not isinstance(paths, str) else [paths]
    roots = [require_path_text("paths", path) for path in several]
    if not isinstance(classifier, Classifier | None):
        raise not_opened("classifier", classifier)
    if not isinstance(skipped, Skipped | None):
        raise UsageError(f"skipped: expected a Skipped, got a {type(skipped).__name__}")
    resolve_roots(roots)  # at once, not when the first outcome is asked for
    opened = classifier or open_model()
    folders = SourceFolders()
    batches = scan_items(
        folders.passing(discover(roots, skipped)),
        opened.model,
        opened.decision,
        checks=opened.checks,
        batching=opened.batching,
        engine=ThreadEngine(workers or usable_cpus()),
    )
    return _in_turn(batches, folders)


def _in_turn(batches: Iterator[list[Outcome]], folders: SourceFolders) -> Iterator[Outcome]:
    """Yield single outcomes, and raise where the folder of one is gone."""
    for batch in batches:
        folders.check(batch)
        yield from batch
