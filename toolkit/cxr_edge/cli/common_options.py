"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import DeviceName, RuntimeName
from cxr_edge.cli.model_argument import existing_model
from cxr_edge.cli.numbers import bounds
from cxr_edge.spec.on_input_check import OnInputCheck
from cxr_edge.system.ranges import SECONDS, WORKERS


def _named(choices: type[StrEnum]) -> str:
    """Return the choices but ``auto``, for a help text."""
    *names, last = list(choices)[1:]
    return f"{', '.join(names)} or {last}"


RUNTIME_HELP: Final = f"auto (fastest installed runtime at full precision), {_named(RuntimeName)}."

DEVICE_HELP: Final = (
    f"auto (fastest device that works), {_named(DeviceName)}. An unavailable device is an error, "
    "never a silent fallback to the CPU."
)

REPEATABLE: Final = "Repeat the option to compare several."

_MODEL_HELP: Final = "'default', a model package, or an .onnx or .tflite file."

ModelReference = Annotated[
    str, typer.Option(metavar="MODEL", help=_MODEL_HELP, rich_help_panel=panels.MODEL)
]

ExistingModel = Annotated[
    str,
    typer.Option(
        metavar="MODEL",
        help=_MODEL_HELP,
        rich_help_panel=panels.MODEL,
        is_eager=True,
        callback=existing_model,
    ),
]

SpecFile = Annotated[
    Path | None,
    typer.Option(
        metavar="JSON",
        help="Spec of a model that carries none, or one to use in place of that inside.",
        rich_help_panel=panels.MODEL,
    ),
]

RuntimeChoice = Annotated[
    RuntimeName,
    typer.Option(metavar="RUNTIME", help=RUNTIME_HELP, rich_help_panel=panels.MODEL),
]

DeviceChoice = Annotated[
    DeviceName,
    typer.Option(metavar="DEVICE", help=DEVICE_HELP, rich_help_panel=panels.MODEL),
]

ReviewBand = Annotated[
    bool,
    typer.Option(
        "--review-band",
        help="Label images 'review' whose probability lies in the model's review band; "
        "a spec of cxr calibrate has no band.",
        rich_help_panel=panels.MODEL,
    ),
]
OnInputCheckChoice = Annotated[
    OnInputCheck | None,
    typer.Option(
        "--on-input-check",
        metavar="ANSWER",
        help="Answer to images that should not be scored, such as photos: 'review' withholds the "
        "label, 'flag' keeps it, 'fail' fails the image.",
        show_default="review",
        rich_help_panel=panels.MODEL,
    ),
]

AllowNondeterministic = Annotated[
    bool,
    typer.Option(
        "--allow-nondeterministic",
        help="Use a model whose answer to an image varies, or depends on other images.",
        rich_help_panel=panels.SAFETY,
    ),
]

Workers = Annotated[
    int | None,
    typer.Option(
        **bounds(WORKERS),
        help="Files processed in parallel.",
        show_default="usable CPUs",
        rich_help_panel=panels.SPEED,
    ),
]

Timeout = Annotated[
    float,
    typer.Option(
        **bounds(SECONDS),
        metavar="SECONDS",
        help="Time limit per file; a file that takes longer fails.",
        rich_help_panel=panels.SAFETY,
    ),
]

Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print no progress bar and no summary.",
        rich_help_panel=panels.OUTPUT,
    ),
]
