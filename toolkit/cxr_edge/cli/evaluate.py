"""``cxr evaluate``: say what a model is worth on labelled images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.extras import needs_extra

if TYPE_CHECKING:
    from cxr_edge.evaluation.evaluate import Evaluation


def evaluate(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] DATA",
            help="A package, a .onnx, .tflite, .keras or .h5 file, a SavedModel folder, or "
            "'default', which may be left out; and a folder with NORMAL and PNEUMONIA in it or in "
            "train, val, test, or a manifest.",
        ),
    ],
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The model, in place of the argument.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for all that is written.")
    ] = Path("evaluation"),
    runtime: Annotated[
        str, typer.Option(help="auto, onnx, litert, openvino; .keras runs in Keras.")
    ] = "auto",
    spec: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Spec of a model that carries none.")
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help="Images to take: train, validation, test or all. Without: those marked test, else "
            "those marked validation, else all."
        ),
    ] = "",
    shifted: Annotated[
        bool,
        typer.Option("--shifted", help="Also on copies: brightness, contrast, crop, JPEG, ..."),
    ] = False,
    counterfactual: Annotated[
        bool,
        typer.Option("--counterfactual", help="Also with markers changed, borders masked, blur."),
    ] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave unreadable files out, listing them.")
    ] = False,
) -> None:
    """Score labelled images and report what the scores are worth; needs the extra 'evaluate'.

    DIR gets report.md with all tables and pictures (confusion, ROC, precision-recall,
    reliability, worst errors), evaluation.json and predictions.csv. Where file names tell the
    patients and the model its split, validation and training patients are reported apart. Exit
    code 3 if unreadable files were left out.
    """
    if len(words) + (model is not None) > 2:
        raise UsageError(f"expected at most a model and a folder, got {' '.join(words)}")
    reference, data = model or (words[0] if len(words) == 2 else "default"), Path(words[-1])
    with needs_extra("cxr evaluate", "evaluate"):
        from cxr_edge.datasets.image_set import load_images
        from cxr_edge.evaluation.evaluate import evaluate as run
        from cxr_edge.evaluation.report import claim_folder, write_evaluation
    from cxr_edge.datasets.listing import list_images, of_split
    from cxr_edge.models.locate import read_spec_file
    from cxr_edge.models.open import open_any

    everything = list_images(data)
    listed = of_split(everything, split)
    if not split and len(listed) < len(everything):
        typer.echo(
            f"the {len(listed)} of {len(everything)} images that are marked {listed[0].split}; "
            "--split chooses others"
        )
    opened = open_any(reference, runtime, spec=read_spec_file(spec) if spec else None)
    claim_folder(out)
    images = load_images(listed, opened.spec.input, skip_unreadable=skip_unreadable)
    for file in images.unreadable:
        typer.echo(f"left out, unreadable: {file}")
    found = run(opened, images, copies=shifted, counterfactual=counterfactual)
    write_evaluation(found, out)
    _print(found)
    typer.echo(f"wrote {out / 'report.md'}")
    if images.unreadable:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _print(found: "Evaluation") -> None:
    from cxr_edge.evaluation.evaluate import ALL
    from cxr_edge.evaluation.report import NAMES_ALONE, describe, matrices
    from cxr_edge.evaluation.tables import copies_table, movements_table, points_table

    point = found.spec.operating_point()
    for name, figures in found.groups.items():
        typer.echo(f"{name}: {describe(figures)}, AUC {figures.auc or '-'}")
    if len(found.groups) > 1 and found.group == ALL:
        typer.echo(NAMES_ALONE)
    typer.echo(f"\n{found.group}, by {found.runtime}, calibration error "
               f"{found.figures.calibration_error:.4f}\n")  # fmt: skip
    typer.echo(points_table(found.figures))
    typer.echo(f"\nat {point.name} (threshold {point.threshold:.6f})\n")
    typer.echo(found.classification_report(point.name))
    typer.echo(f"\n{matrices(found.figures.point(point.name))}\n")
    if found.copies:
        typer.echo(f"{copies_table(found.copies, point.name)}\n")
    if found.movements:
        typer.echo(f"{movements_table(found.movements)}\n")
