"""``cxr models``: the models that there are, and what is in one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli.common_options import SpecFile
from cxr_edge.cli.model_argument import existing_model, place_of
from cxr_edge.cli.tables import print_table
from cxr_edge.errors import UsageError

if TYPE_CHECKING:
    from cxr_edge.spec.model_spec import ModelSpec


def models(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL]",
            help="'default', a model package, or an .onnx, .tflite or .keras file.",
            is_eager=True,
            callback=existing_model,
        ),
    ] = None,
    spec: SpecFile = None,
) -> None:
    """List the models that are installed, or what is in MODEL.

    For MODEL: its files with sizes and SHA-256, the runtimes that run them, and the thresholds that
    --operating-point of cxr scan chooses among. Exit code 1 if files of a package are not those
    listed in its SHA256SUMS.
    """
    if model is not None:
        _print_model(model, spec)
    elif spec is None:
        _print_known()
    else:
        raise UsageError("--spec: expected a MODEL that it describes, got none")


def _print_known() -> None:
    from cxr_edge.models.inventory import KNOWN, files_of, spec_of
    from cxr_edge.models.locate import model_path

    rows, figures = [], []
    for name in KNOWN:
        path = model_path(name)
        spec = spec_of(path)
        artefacts = [file.name for file in files_of(path) if file.precision]
        rows.append((name, spec.name, str(spec.input), ", ".join(artefacts)))
        figures.append(f"{name}: {_headline(spec)}")
    print_table(("model", "name", "input", "artefacts"), rows)
    typer.echo("\n".join(figures))
    typer.echo("cxr models MODEL shows what is in one, also in a package that 'cxr export' wrote")


def _print_model(model: Path, spec_file: Path | None) -> None:
    from cxr_edge.evaluation.summary import Summary
    from cxr_edge.models.checksums import check_checksums
    from cxr_edge.models.inventory import files_of, spec_of
    from cxr_edge.models.locate import read_spec_file
    from cxr_edge.models.package import EVALUATION, ORIGINAL
    from cxr_edge.pipeline.input_check import check_parts

    path = place_of(model)
    spec = spec_of(path, read_spec_file(spec_file) if spec_file else None)
    negative, positive = spec.labels
    typer.echo(f"{spec.name}: {negative} or {positive}, from {spec.input}")
    typer.echo(_headline(spec))
    if (evaluation := path / EVALUATION).is_file() and (other := Summary.read(evaluation).headline):
        typer.echo(other)
    typer.echo()
    print_table(
        ("file", "precision", "runtimes", "MB", "SHA-256, first digits"),
        [
            (
                file.name,
                file.precision or "-",
                ", ".join(file.runtimes) or "-",
                f"{file.size / 1e6:.2f}",
                file.sha256[:12],
            )
            for file in files_of(path)
        ],
    )
    typer.echo()
    print_table(
        ("operating point", "threshold", *spec.rate_titles),
        _operating_points(spec),
    )
    if spec.prior:
        typer.echo(f"{spec.prior} (--prior)")
    if spec.site:
        typer.echo(str(spec.site))
    typer.echo(f"input check: {check_parts(spec)}")
    for group in spec.input_check.groups if spec.input_check else ():
        typer.echo(f"  {group}")
    typer.echo(spec.notice)
    if path.is_dir():
        check_checksums(path, elsewhere=ORIGINAL)


def _headline(spec: "ModelSpec") -> str:
    """Return the AUC as it is stated everywhere; words that it is not known for other models."""
    return spec.provenance.headline if spec.provenance else "AUC not known"


def _operating_points(spec: "ModelSpec") -> list[tuple[str, ...]]:
    return [
        (
            point.name + (" (default)" if point.name == spec.default_operating_point else ""),
            f"{point.threshold:g}",
            str(point.sensitivity or "-"),
            str(point.specificity or "-"),
        )
        for point in spec.operating_points
    ]
