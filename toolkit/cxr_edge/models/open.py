"""A model's name or path to a model that runs on this machine."""

import hashlib
import os
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.models.checksums import file_sha256
from cxr_edge.models.load import Artefact
from cxr_edge.models.locate import DEFAULT, model_path
from cxr_edge.models.model import Model
from cxr_edge.models.preferred import Preferred
from cxr_edge.models.registry import ORIGINALS, RUNTIMES, original_of
from cxr_edge.models.selection import candidates_in, open_fastest
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.providers import AUTO
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.cpu import usable_cpus


def open_artefact(
    reference: str = DEFAULT,
    runtime: str = AUTO,
    *,
    device: str = AUTO,
    spec: ModelSpec | None = None,
    threads: int | None = None,
    preferred: Preferred | None = None,
    maps: bool = False,
    features: bool = False,
) -> Model:
    """Open a model that a runtime scans with.

    In a package, ``auto`` takes an artefact of the most exact precision: one of int8 is never
    chosen where there is one of fp32, since it may decide differently. Where several installed
    runtimes can run one, the fastest is taken, by a measurement that is remembered in the user's
    cache folder.

    Parameters
    ----------
    reference
        ``default``, a model package, or an ``.onnx`` or ``.tflite`` file.
    runtime
        ``auto`` or a key of :data:`cxr_edge.models.registry.RUNTIMES`.
    device
        One of :data:`cxr_edge.runtimes.providers.DEVICES`; ``auto`` takes the fastest that works.
    spec
        Spec for a model that carries none; replaces one that is inside.
    threads
        CPU threads per call of the model; as many as usable CPUs by default.
    preferred
        Artefact and runtime that a report to be continued was started with: ``auto`` takes the
        same where the package still has it.
    maps
        Whether heat maps are asked for, where the model has them.
    features
        Whether feature vectors are asked for, where the model has them.

    Raises
    ------
    UsageError
        The reference does not exist, or does not go with the runtime.
    ModelError
        One subclass for each thing that can be wrong with a model.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise UsageError(f"--runtime: expected auto, {', '.join(RUNTIMES)}, got {runtime!r}")
    path = model_path(reference)
    if not os.path.exists(path):  # noqa: PTH110  (Path raises for a name that is too long)
        raise UsageError(f"--model: expected 'default', a package or a file, {path} does not exist")
    candidates, why = candidates_in(path, runtime, device, preferred)
    options = OpenOptions(device, threads or usable_cpus(), spec, maps, features)
    if len(candidates) > 1:
        return open_fastest(path, candidates, options)
    (candidate,) = candidates
    artefact = Artefact.read(candidate.file, path if path.is_dir() else None)
    return artefact.load(candidate.runtime, options, why)


def open_any(reference: str, runtime: str = AUTO, *, spec: ModelSpec | None = None) -> Model:
    """Open a model for comparison: as :func:`open_artefact`, or one that artefacts are made from.

    Parameters
    ----------
    reference
        As there, or a ``.keras`` or ``.h5`` file or a TensorFlow SavedModel folder.
    runtime, spec
        As there; only ``auto`` goes with a model that Keras or TensorFlow runs.

    Raises
    ------
    MissingExtra
        Keras is to run the model and is not installed.
    UsageError, ModelError
        As there.
    """
    path = Path(reference)
    name = original_of(path)
    if not name:
        return open_artefact(reference, runtime, spec=spec)
    shown = f"{path.suffix} file" if name == "keras" else "SavedModel"
    if runtime != AUTO:
        raise UsageError(f"--runtime: expected auto for a {shown}, got {runtime!r}")

    from cxr_edge.extras import needs_extra

    kind = ORIGINALS[name]
    with needs_extra(f"a {shown}", kind.extra):
        opened = kind.load()(path, spec)
    return Model(_digest(path), name, opened, folder=path.absolute().parent)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the list of a folder's files with theirs."""
    if path.is_file():
        return file_sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = "".join(f"{_digest(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()
