"""``cxr doctor``: what this machine can do, and what a folder holds."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_edge.cli.tables import print_facts
from cxr_edge.errors import ExitCode
from cxr_edge.extras import install_command

if TYPE_CHECKING:
    from cxr_edge.doctor.folder import FolderFacts, Spread
    from cxr_edge.doctor.machine import MachineFacts, RuntimeFacts

DOCTOR_VERSION: Final = 1
"""Version of the JSON."""

_WHY_PASSED_OVER: Final[Mapping[str, str]] = {
    "hidden": "hidden",
    "other": "no image by suffix or first bytes",
    "special": "pipe, socket or device",
    "unlisted": "folder that cannot be listed",
    "unread": "file whose first bytes cannot be read",
    "loop": "link to a folder above it",
}

Row = tuple[str, str]


def doctor(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="A folder to look through before it is scanned."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of tables.")] = False,
) -> None:
    """Show whether a scan works on this machine, and what a folder holds.

    Of files the headers are read and no pixel is decoded. Exit code 1: no runtime here can run the
    default model. Exit code 3: some of DIR would fail in a scan or cannot be looked into.
    """
    from cxr_edge.pipeline.roots import resolve_roots

    if folder is not None:
        resolve_roots([folder])  # before the machine is looked at, which takes longer
    from cxr_edge.doctor.folder import examine_folder
    from cxr_edge.doctor.machine import examine_machine

    machine = examine_machine()
    if not as_json:
        print_facts("this machine", _machine_rows(machine))
    found = None if folder is None else examine_folder([folder])
    if as_json:
        _print_json(machine, found)
    elif found is not None:
        typer.echo()
        print_facts(str(folder), _folder_rows(found))
    if not machine.works:
        raise typer.Exit(ExitCode.ERROR)
    if found is not None and found.incomplete:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _print_json(machine: "MachineFacts", found: "FolderFacts | None") -> None:
    from dataclasses import asdict

    data = {
        "doctor_version": DOCTOR_VERSION,
        "machine": {"works": machine.works, **asdict(machine)},
        "folder": found and found.as_dict(),
    }
    typer.echo(json.dumps(data, indent=2))


def _machine_rows(machine: "MachineFacts") -> Iterable[Row]:
    yield "cxr-edge", machine.cxr_edge
    yield "Python", machine.python
    yield "system", f"{machine.system}, {machine.architecture}"
    yield "CPU", machine.cpu
    features = machine.cpu_features
    if features:
        yield "  has", ", ".join(name for name, has in features.items() if has) or "-"
        yield "  has not", ", ".join(name for name, has in features.items() if not has) or "-"
    quota = "no quota" if machine.cpu_quota is None else f"quota {machine.cpu_quota:g}"
    yield (
        "usable CPUs",
        f"{machine.usable_cpus} of {machine.cpus} (bound to {machine.bound_cpus}, {quota})",
    )
    memory = f"{_bytes(machine.available_memory)} available of {_bytes(machine.memory)}"
    yield "memory", memory if machine.memory else "not told"
    yield "runtimes", ""
    for name, runtime in machine.runtimes.items():
        yield f"  {name}", _runtime(runtime)
    if machine.conflict:
        yield "  conflict", machine.conflict
    yield "  onnx can use", ", ".join(machine.execution_providers) or "nothing"
    models = {runtime.model for runtime in machine.runtimes.values() if runtime.works}
    yield "default model", ", ".join(sorted(models)) or "no runtime here can run it"
    yield "numpy", machine.numpy
    yield "OpenCV", f"{machine.opencv}; JPEG {machine.jpeg or 'library not told'}"
    yield "DICOM", ""
    for name, version in machine.dicom_packages.items():
        yield f"  {name}", version or "not installed"
    for hint, names in _by_hint(machine.transfer_syntaxes).items():
        yield "  not decoded" if hint else "  decoded", ", ".join(names)
        if hint:
            yield "    to do", hint
    yield "extras", ""
    for name, missing in machine.extras.items():
        lacks = f"{install_command(name)} (missing: {', '.join(missing)})"
        yield f"  {name}", lacks if missing else "installed"
    error = machine.cache_error
    yield "cache", f"{machine.cache} ({f'cannot be written: {error}' if error else 'writable'})"
    yield "a scan", "works" if machine.works else "does not work: see runtimes"


def _runtime(runtime: "RuntimeFacts") -> str:
    if not runtime.version:
        return f"not installed: {runtime.install}"
    if not runtime.works:
        return f"{runtime.version}; does not work: {runtime.error}"
    return f"{runtime.version}; {runtime.provider}; self-test {runtime.self_test}"


def _by_hint(syntaxes: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, hint in syntaxes.items():
        found.setdefault(hint, []).append(name)
    return found


def _folder_rows(found: "FolderFacts") -> Iterable[Row]:
    from cxr_edge.doctor.folder import MISLABELLED, kinds

    yield "files", f"{found.files}, of which {found.failing} would fail"
    for name, count, hint in kinds(found):
        yield f"  {name}", f"{count}  not decoded here: {hint}" if hint else f"{count}"
    yield "polarity", _listed(dict(found.polarities.most_common()))
    yield "bits stored", _listed({f"of {bits}": n for bits, n in found.bits.most_common()})
    yield "several frames", str(found.several)
    yield "width", _spread(found.widths)
    yield "height", _spread(found.heights)
    yield "bytes", _spread(found.sizes)
    yield "would fail", str(found.failing)
    for trouble, count in found.troubles.most_common():
        if trouble != MISLABELLED:
            yield f"  {trouble}", f"{count}: {_named(found, trouble)}"
    if found.troubles[MISLABELLED]:
        count = found.troubles[MISLABELLED]
        yield "other suffix", f"{count}: {_named(found, MISLABELLED)}"
    passed_over = found.passed_over.counts
    yield "skipped", str(passed_over.total())
    for why, count in passed_over.most_common():
        yield f"  {why}", f"{count} ({_WHY_PASSED_OVER[why]})"
    if found.passed_over.first_lost:
        first = ", ".join(found.passed_over.first_lost)
        yield "may be missing", f"images in what cannot be looked into; the first: {first}"


def _named(found: "FolderFacts", trouble: str) -> str:
    names = found.named[trouble]
    more = ", ..." if found.troubles[trouble] > len(names) else ""
    return f"{', '.join(names)}{more}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "-"


def _spread(spread: "Spread") -> str:
    return f"{spread.least} to {spread.largest}, median {spread.median}"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
