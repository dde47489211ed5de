"""The artefact and the runtime that `auto` means."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable, UsageError
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.load import Candidate
from cxr_edge.models.machine_cache import machine_cache
from cxr_edge.models.model import Model
from cxr_edge.models.package import FORMATS, Format
from cxr_edge.models.preferred import Preferred
from cxr_edge.models.registry import AUTO, installed, runtimes_of
from cxr_edge.runtimes.timing import time_in_turns
from cxr_edge.spec.embedding import KERAS_SUFFIXES


def choose(
    path: Path, runtime: str, device: str, preferred: Preferred | None
) -> tuple[Sequence[tuple[str, Path]], str]:
    """Return runtimes and their files that come into question, and why where it is one."""
    if path.is_dir():
        found, why = _choose_in(path, runtime, device, preferred)
        return [(name, path / kind.file) for name, kind in found], why
    names = runtimes_of(path)
    if not names:
        hint = "; export it first: cxr export" if path.suffix in KERAS_SUFFIXES else ""
        raise ModelInvalid(f"{path}: expected an .onnx or .tflite file or a package{hint}")
    if runtime == AUTO:
        name = next(filter(installed, names), names[0])
        return [(name, path)], "chosen by file type"
    if runtime not in names:
        raise UsageError(
            f"--runtime {runtime} cannot run {path}; use --runtime {' or '.join(names)}"
        )
    return [(runtime, path)], "asked for"


def _choose_in(
    package: Path, runtime: str, device: str, preferred: Preferred | None
) -> tuple[Sequence[tuple[str, Format]], str]:
    """Return runtimes and artefacts that come into question, and why where it is one."""
    pairs = [
        (name, kind)
        for kind in FORMATS.values()
        for name in runtimes_of(kind.file)
        if runtime in (AUTO, name)
    ]
    have = [(name, kind) for name, kind in pairs if (package / kind.file).is_file()]
    if not have:
        wanted = " or ".join(dict.fromkeys(kind.file for _, kind in pairs))
        raise ModelInvalid(f"{package}: expected {wanted} in it, it has none")
    if runtime != AUTO:
        return have[:1], "asked for"
    if preferred is not None:
        listed = read_checksums(package)
        for name, kind in have:
            same = (name, listed.get(kind.file)) == (preferred.runtime, preferred.model_sha256)
            if same and installed(name):
                return [(name, kind)], "same as when this report was started"
    precision = have[0][1].precision
    have = [(name, kind) for name, kind in have if kind.precision == precision]
    if device not in (AUTO, "cpu"):
        return have[:1], "only runtime that takes --device"
    ready = [(name, kind) for name, kind in have if installed(name)]
    if not ready:
        return have[:1], "none is installed"
    if len({kind.file for _, kind in have}) == 1:
        return ready, f"only runtime for the {precision} artefact in the package"
    return ready, "only runtime installed"


def open_fastest(package: Path, starts: Sequence[Candidate]) -> Model:
    """Open the artefact that is the fastest here, measuring where that is not known yet.

    By one thread, however many there are to be, so that they do not decide on the runtime.
    """
    by_name = {start.runtime: start for start in starts}
    known = machine_cache(package)
    files = ", ".join(start.file.name for start in starts)
    question = f"milliseconds an image by one thread, {files}, device {starts[0].device}"
    times = _usable(known.get(question), frozenset(by_name))
    if times is not None:
        name = min(times, key=times.__getitem__)
        return by_name[name].open(_reason(times))
    models, broken = {}, []
    for name, start in by_name.items():
        try:
            models[name] = replace(start, threads=1).open("")
        except RuntimeUnavailable as exc:
            broken.append(exc)
    if not models:
        raise broken[0]
    if len(models) == 1:
        return by_name[next(iter(models))].open(f"only runtime that can be loaded ({broken[0]})")
    times = time_in_turns({name: model.runtime for name, model in models.items()})
    why = "; ".join([_reason(times), *map(str, broken)])
    if not broken:  # else the next start tries it again
        known.put(question, times)
    return by_name[min(times, key=times.__getitem__)].open(why)


def _usable(times: object, names: frozenset[str]) -> dict[str, float] | None:
    """Return remembered times where they are of these runtimes, None where they are anything else.

    What is remembered comes from a file that anyone may have changed.
    """
    if not isinstance(times, dict) or times.keys() != names:
        return None
    if not all(isinstance(ms, int | float) and math.isfinite(ms) for ms in times.values()):
        return None
    return times


def _reason(times: Mapping[str, float]) -> str:
    """Return the run manifest's clause on a choice by these times."""
    ranked = sorted(times.items(), key=lambda item: item[1])
    return f"the fastest here ({', '.join(f'{name} {ms:.1f} ms' for name, ms in ranked)} per image)"
