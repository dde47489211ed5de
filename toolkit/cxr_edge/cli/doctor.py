"""``cxr doctor``: whether this machine can scan, and what a folder holds."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.path_text import PathText
from cxr_edge.cli.tables import print_facts
from cxr_edge.errors import ExitCode
from cxr_edge.extras import install_command
from cxr_edge.system.plural import worded

if TYPE_CHECKING:
    from cxr_edge.doctor.folder import FolderFacts, Spread
    from cxr_edge.doctor.machine import MachineFacts, RuntimeFacts
    from cxr_edge.doctor.runtime_trial import Trial

DOCTOR_VERSION: Final = 3
"""Version of the JSON."""

Row = tuple[str, str]


def doctor(
    folder: Annotated[
        PathText | None,
        typer.Argument(
            metavar="[DIR]", help="Folder to examine before it is scanned.", path_type=PathText
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON instead of tables.", rich_help_panel=panels.OUTPUT),
    ] = False,
) -> None:
    """Check whether this machine can scan, and what a folder holds.

    Only the headers of files are read; no pixel is decoded.

    Exit code 1: no runtime here can run the default model. Exit code 3: some files of DIR would
    fail in a scan, folders cannot be read, or files are packed.
    """
    from cxr_edge.pipeline.roots import resolve_roots

    if folder is not None:
        resolve_roots([folder])  # before the machine is examined, which takes longer
    from cxr_edge.doctor.folder import examine_folder
    from cxr_edge.doctor.machine import examine_machine

    machine = examine_machine(try_runtime)
    found = None if folder is None else examine_folder([folder])
    if as_json:
        _print_json(machine, found)
    else:
        if found is not None:
            print_facts(str(folder), _folder_rows(found))
            typer.echo()
        if found is None or not machine.works:
            print_facts("this machine", _machine_rows(machine))
        else:
            typer.echo("this machine: ready to scan; 'cxr doctor' says more about it")
    if not machine.works:
        raise typer.Exit(ExitCode.ERROR)
    if found is not None and found.incomplete:
        raise typer.Exit(ExitCode.SOME_FAILED)


def try_runtime(name: str) -> "Trial":
    """Open a session by a runtime, as a scan with the default model does."""
    from cxr_edge.doctor.runtime_trial import Trial
    from cxr_edge.jobs.session import ScanConfig, Session

    session = Session.open(ScanConfig(runtime=name))
    return Trial(session.model.tag, session.model.runtime.provider, session.self_test)


def _print_json(machine: "MachineFacts", found: "FolderFacts | None") -> None:
    from dataclasses import asdict

    data = {
        "doctor_version": DOCTOR_VERSION,
        "machine": {"works": machine.works, **asdict(machine)},
        "folder": found and found.as_dict(),
    }
    typer.echo(json.dumps(data, indent=2))


def _machine_rows(machine: "MachineFacts") -> Iterable[Row]:
    yield "ready to scan", "yes" if machine.works else "no: see runtimes"
    yield "cxr-edge", machine.cxr_edge
    yield "Python", machine.python
    yield "system", f"{machine.system}, {machine.architecture}"
    yield "CPU", machine.cpu
    if machine.cpu_features:
        yield "  has", _names(machine.cpu_features, present=True)
        yield "  missing", _names(machine.cpu_features, present=False)
    quota = "no quota" if machine.cpu_quota is None else f"quota {machine.cpu_quota:g}"
    yield (
        "usable CPUs",
        f"{machine.usable_cpus} of {machine.cpus} (bound to {machine.bound_cpus}, {quota})",
    )
    memory = f"{_gigabytes(machine.available_memory)} available of {_gigabytes(machine.memory)}"
    yield "memory", memory if machine.memory else "unknown"
    yield "default model", _default_model(machine)
    yield "runtimes", ""
    for name, runtime in machine.runtimes.items():
        yield f"  {name}", _runtime(runtime)
    if machine.conflict:
        yield "  conflict", machine.conflict
    yield "  onnx can use", ", ".join(machine.execution_providers) or "nothing"
    yield "numpy", machine.numpy
    yield "OpenCV", machine.opencv
    yield "JPEG", machine.jpeg
    yield "DICOM", ""
    for name, version in machine.dicom_packages.items():
        yield f"  {name}", version or "not installed"
    yield "  can decode", ", ".join(machine.transfer_syntaxes)
    yield "extras", ", ".join(name for name, lacks in machine.extras.items() if not lacks) or "none"
    for name, missing in machine.extras.items():
        if missing:
            yield f"  without {name}", f"{install_command(name)} (missing: {', '.join(missing)})"
    error = machine.cache_error
    yield "cache", f"{machine.cache} ({f'cannot be written: {error}' if error else 'writable'})"


def _names(features: Mapping[str, bool], *, present: bool) -> str:
    return ", ".join(name for name, has in features.items() if has is present) or "-"


def _default_model(machine: "MachineFacts") -> str:
    models = {runtime.model for runtime in machine.runtimes.values() if runtime.works}
    told = ", ".join(sorted(models)) or "no runtime here can run it"
    if machine.missing_artefacts:
        told += f"; missing, install cxr-edge again: {', '.join(machine.missing_artefacts)}"
    return told


def _runtime(runtime: "RuntimeFacts") -> str:
    if not runtime.version:
        return f"not installed: {runtime.install}"
    if not runtime.works:
        return f"{runtime.version}; does not work: {runtime.error}"
    return f"{runtime.version}; {runtime.provider}; self-test {runtime.self_test}"


def _folder_rows(found: "FolderFacts") -> Iterable[Row]:
    from cxr_edge.doctor.folder import MISLABELLED, kinds
    from cxr_edge.pipeline.skipped import SKIP_REASONS

    yield "files", str(found.files)
    yield "would fail", str(found.failing)
    for problem, count in found.problems.most_common():
        if problem != MISLABELLED:
            yield f"  {problem}", f"{count}: {_named(found, problem)}"
    yield "formats", ""
    for name, count, hint in kinds(found):
        yield f"  {name}", f"{count}  cannot be decoded here: {hint}" if hint else f"{count}"
    if found.polarities:
        yield "polarity", _listed(dict(found.polarities.most_common()))
        yield "bits stored", _listed({f"{bits}-bit": n for bits, n in found.bits.most_common()})
        yield "multi-frame files", str(found.multi_frame)
        yield "width", _spread(found.widths)
        yield "height", _spread(found.heights)
    yield "bytes", _spread(found.sizes)
    if found.problems[MISLABELLED]:
        count = found.problems[MISLABELLED]
        yield "wrong suffix", f"{count}: {_named(found, MISLABELLED)}"
    skipped = found.skipped.counts
    yield "skipped", str(skipped.total())
    for why, count in skipped.most_common():
        yield f"  {worded(count, *SKIP_REASONS[why])}", str(count)
    if found.skipped.first_lost:
        from cxr_edge.reports.missing import missing_line

        label, _, what = missing_line(skipped, found.skipped.first_lost, "scan").partition(": ")
        yield label, what


def _named(found: "FolderFacts", problem: str) -> str:
    names = found.named[problem]
    more = ", ..." if found.problems[problem] > len(names) else ""
    return f"{', '.join(names)}{more}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind}: {count}" for kind, count in counts.items())


def _spread(spread: "Spread") -> str:
    found = spread.as_dict()
    if found["least"] == found["largest"]:
        return str(found["least"])
    return f"{found['least']} to {found['largest']}, median {found['median']}"


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
