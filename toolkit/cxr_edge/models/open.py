"""A model's name or path to a model that runs on this machine."""

from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.models.load import Candidate
from cxr_edge.models.locate import DEFAULT, model_path, read_spec_file
from cxr_edge.models.model import Model
from cxr_edge.models.preferred import Preferred
from cxr_edge.models.registry import AUTO, RUNTIMES
from cxr_edge.models.selection import choose, open_fastest
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.cpu import usable_cpus


def open_model(
    reference: str = DEFAULT,
    runtime: str = AUTO,
    device: str = AUTO,
    spec_file: Path | None = None,
    spec: ModelSpec | None = None,
    *,
    threads: int | None = None,
    preferred: Preferred | None = None,
) -> Model:
    """Open a model for scanning.

    Of a package, ``auto`` takes an artefact of the most exact precision in it: one of int8 is
    never chosen where there is one of fp32, since it may decide differently. Where several
    installed runtimes have one, the fastest is taken, by a measurement that is remembered in
    the user's cache folder.

    Parameters
    ----------
    reference
        ``default``, a model package, or an ``.onnx`` or ``.tflite`` file.
    runtime
        ``auto`` or a key of :data:`RUNTIMES`.
    device
        One of :data:`cxr_edge.runtimes.providers.DEVICES`; ``auto`` takes the fastest that works.
    spec_file
        A ``spec.json`` for a model that carries none; replaces one that is inside.
    spec
        The same, already read; ``spec_file`` goes before it.
    threads
        That one call of the model may use; as many as usable CPUs by default.
    preferred
        What a report that is to be continued was started with: ``auto`` takes the same artefact
        and runtime where the package still has it.

    Raises
    ------
    UsageError
        The reference or the spec file does not exist, or does not go with the runtime.
    ModelError
        One subclass for each thing that can be wrong with a model.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise UsageError(f"--runtime: expected auto, {', '.join(RUNTIMES)}, got {runtime!r}")
    path = model_path(reference)
    if not path.exists():
        raise UsageError(f"--model: expected 'default', a package or a file, {path} does not exist")
    found, why = choose(path, runtime, device, preferred)
    spec = read_spec_file(spec_file) if spec_file else spec
    package = path if path.is_dir() else None
    threads = threads or usable_cpus()
    starts = [Candidate(name, file, package, device, threads, spec) for name, file in found]
    return starts[0].open(why) if len(starts) == 1 else open_fastest(path, starts)
