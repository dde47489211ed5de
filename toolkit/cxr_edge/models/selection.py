"""The artefact and the runtime that ``auto`` stands for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable, UsageError
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.load import Artefact
from cxr_edge.models.machine_cache import machine_cache
from cxr_edge.models.model import Model
from cxr_edge.models.package import FORMATS, ArtefactFormat
from cxr_edge.models.preferred import Preferred
from cxr_edge.models.registry import RUNTIMES, installed, original_of, runtimes_of
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.providers import AUTO
from cxr_edge.system.progress import stage

MARGIN: Final = 4 / 3
"""Largest time per image, relative to that of the fastest runtime, at which a runtime that is
preferred to it is taken."""


@dataclass(frozen=True)
class Candidate:
    """One runtime with the file that it would run."""

    runtime: str
    """Key of :data:`cxr_edge.models.registry.RUNTIMES`."""
    file: Path
    """Path of the artefact."""


def candidates_in(
    path: Path, runtime: str, device: str, preferred: Preferred | None
) -> tuple[Sequence[Candidate], str]:
    """Return the candidates for a model, and the reason where there is only one.

    Parameters
    ----------
    path
        A package or a file.
    runtime, device, preferred
        As for :func:`cxr_edge.models.open.open_artefact`.

    Raises
    ------
    ModelInvalid
        The path is no model, or a package without an artefact for the runtime.
    UsageError
        The runtime does not run the file.
    """
    if path.is_dir():
        found, why = _choose_in(path, runtime, device, preferred)
        return [Candidate(name, path / kind.file) for name, kind in found], why
    names = runtimes_of(path)
    if not names:
        hint = "; export it first: cxr export" if original_of(path) else ""
        raise ModelInvalid(f"{path}: expected an .onnx or .tflite file or a package{hint}")
    if runtime == AUTO:
        name = next(filter(installed, names), names[0])
        return [Candidate(name, path)], "chosen by file type"
    if runtime not in names:
        raise UsageError(
            f"--runtime {runtime} cannot run {path}; use --runtime {' or '.join(names)}"
        )
    return [Candidate(runtime, path)], "asked for"


def _choose_in(
    package: Path, runtime: str, device: str, preferred: Preferred | None
) -> tuple[Sequence[tuple[str, ArtefactFormat]], str]:
    """Return runtimes with their artefacts, and the reason where there is only one."""
    pairs = [
        (name, kind)
        for kind in FORMATS.values()
        for name in runtimes_of(kind.file)
        if runtime in (AUTO, name)
    ]
    have = [(name, kind) for name, kind in pairs if (package / kind.file).is_file()]
    if not have:
        wanted = " or ".join(dict.fromkeys(kind.file for _, kind in pairs))
        if runtime == AUTO:
            raise ModelInvalid(f"{package} is not a model package (no {wanted} in it)")
        raise ModelInvalid(
            f"{package} has no model for --runtime {runtime} (no {wanted} in it); "
            "use another --runtime or export that format"
        )
    if runtime != AUTO:
        return have[:1], "asked for"
    if preferred is not None:
        listed = read_checksums(package)
        for name, kind in have:
            same = (name, listed.get(kind.file)) == (preferred.runtime, preferred.model_sha256)
            if same and installed(name):
                return [(name, kind)], preferred.why
    precision = have[0][1].precision
    have = [(name, kind) for name, kind in have if kind.precision == precision]
    if device not in (AUTO, "cpu"):
        return have[:1], f"the runtime that takes --device {device}"
    ready = [(name, kind) for name, kind in have if installed(name)]
    if not ready:
        return have[:1], "no runtime installed"
    if len(ready) < sum(map(installed, RUNTIMES)):
        return ready, f"only runtime installed for the {precision} artefact of this package"
    return ready, "only runtime installed"


def open_fastest(package: Path, candidates: Sequence[Candidate], options: OpenOptions) -> Model:
    """Open the first candidate that is nearly the fastest here, measured where that is not known.

    It is measured with one thread per call, however many are to be used, so that the number of
    threads does not decide on the runtime. Every file is read once, and what was opened for the
    measurement is used where it fits. :data:`MARGIN` keeps machines that are alike, and one machine
    at two times, from choosing differently: their last digits would differ.

    Parameters
    ----------
    package
        Folder of the artefacts.
    candidates
        Several runtimes with their files.
    options
        Settings of the runtime that is taken.

    Raises
    ------
    RuntimeUnavailable
        No candidate can be loaded.
    ModelError
        An artefact is damaged.
    """

    @cache
    def read(file: Path) -> Artefact:
        return Artefact.read(file, package)

    by_name = {candidate.runtime: candidate for candidate in candidates}
    known = machine_cache(package, shared=True)
    files = ", ".join(candidate.file.name for candidate in candidates)
    question = f"milliseconds per image with one thread, {files}, device {options.device}"
    times = _usable(known.get(question), frozenset(by_name))
    if times is not None:
        name = _nearly_fastest(times)
        return read(by_name[name].file).load(name, options, _reason(times))
    from cxr_edge.runtimes.timing import time_in_turns

    single = replace(options, threads=1)
    models, broken = {}, []
    with stage("trying runtimes, once on this machine"):
        for name, candidate in by_name.items():
            try:
                models[name] = read(candidate.file).load(name, single, "")
            except RuntimeUnavailable as exc:
                broken.append(exc)
        if len(models) > 1:
            times = time_in_turns({name: model.runtime for name, model in models.items()})
    if not models:
        raise broken[0]
    if times is None:
        (name,) = models
        why = f"only runtime that can be loaded: {broken[0]}"
    else:
        name = _nearly_fastest(times)
        why = "; ".join([_reason(times), *map(str, broken)])
        if not broken:  # else the next start tries it again
            known.put(question, times)
    if options == single:
        return replace(models[name], why=why)
    return read(by_name[name].file).load(name, options, why)


def _usable(times: object, names: frozenset[str]) -> dict[str, float] | None:
    """Return remembered times where they are of these runtimes, None where they are anything else.

    They come from a file that anyone may have changed.
    """
    if not isinstance(times, dict) or times.keys() != names:
        return None
    if not all(isinstance(ms, int | float) and 0 <= ms < math.inf for ms in times.values()):
        return None
    return times


def _nearly_fastest(times: Mapping[str, float]) -> str:
    """Return the first runtime, in the order of preference, that is within the margin."""
    least = min(times.values())
    return next(name for name in RUNTIMES if name in times and times[name] <= MARGIN * least)


def _reason(times: Mapping[str, float]) -> str:
    """Return the run manifest's clause on a choice by these times."""
    ranked = sorted(times.items(), key=lambda item: item[1])
    fastest = ranked[0][0] == _nearly_fastest(times)
    close = "preferred, and at most a third slower than the fastest here"
    rank = "the fastest here" if fastest else close
    # Every digit that was compared: rounded times can contradict the choice.
    return f"{rank}: {', '.join(f'{name} {ms:g} ms' for name, ms in ranked)} per image"
