"""``cxr verify``: tell whether a package's artefacts decide as its Keras model does."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli.export import EXPORT_MODULES
from cxr_edge.cli.selftest import run_self_test
from cxr_edge.errors import MissingExtra, UsageError, missing_module
from cxr_edge.package import PARITY, write_checksums

if TYPE_CHECKING:
    from cxr_export.parity import ParityReport


def verify(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="Folder from cxr export.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="DIR", help="Films to compare on; may be given again."),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Golden films of the package; needs no data, no extra."),
    ] = False,
    runtime: Annotated[
        str, typer.Option(help="For --self-test: auto (all that are installed), onnx or litert.")
    ] = "auto",
    tolerance: Annotated[
        float, typer.Option(min=0, help="Largest difference of probabilities allowed.")
    ] = 1e-4,
    write: Annotated[bool, typer.Option(help="Write the findings to PACKAGE/parity.json.")] = True,
) -> None:
    """Compare ONNX and TFLite with Keras on real films; needs the extra 'export'.

    The same files go through all of them, from their bytes to the label. Exit code 4 if a
    probability differs by more than the tolerance, or a label at any operating point.

    --self-test runs the package's own golden films instead, in every installed runtime, to tell
    whether this machine gives what the one gave that made the package. It needs neither films nor
    the extra. Exit code 4 if not.
    """
    if self_test:
        run_self_test(package, runtime)
        if not data:
            return
    if not data:
        raise UsageError("expected films to compare on: give --data DIR, or --self-test")
    try:
        from cxr_export.parity import verify_package
    except ModuleNotFoundError as exc:
        if (missing := missing_module(exc)) not in EXPORT_MODULES:
            raise
        raise MissingExtra("cxr verify", "export", missing) from exc
    report = verify_package(package, data, tolerance)
    _print(report)
    if write:
        findings = json.dumps(report.to_dict(), indent=2, ensure_ascii=False)
        (package / PARITY).write_text(findings + "\n", encoding="utf-8")
        write_checksums(package)
    report.require()


def _print(report: "ParityReport") -> None:
    from rich.console import Console
    from rich.table import Table

    from cxr_edge.package import ORIGINAL

    table = Table("artefact", "runtime", box=None, pad_edge=False)
    for title in ("films", "max |Δp|", "mean |Δp|", "label flips", ""):
        table.add_column(title, justify="right")
    for artefact in report.artefacts:
        table.add_row(
            artefact.artefact,
            artefact.runtime,
            str(artefact.films),
            f"{artefact.max_difference:.1e}",
            f"{artefact.mean_difference:.1e}",
            str(sum(artefact.flips.values())),
            "passed" if artefact.passed else "FAILED",
        )
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    points = ", ".join(point.name for point in report.spec.operating_points)
    console.print(f"against {ORIGINAL}; labels compared at {points}")
    if report.unreadable:
        console.print(f"{report.unreadable} files could not be read and were left out")
