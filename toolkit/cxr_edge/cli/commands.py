"""The table of subcommands, as strings: a command's module is loaded when it is run."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Command:
    """One subcommand of ``cxr``."""

    name: str
    """Name on the command line, and of its function."""
    module: str
    """Module that holds its function."""
    panel: str
    """Heading of ``cxr --help`` under which it stands."""
    supervised: bool = False
    """Whether it runs in a child process, which is started again where it dies."""
    advice: str = ""
    """Ends the message where the child dies again and again."""


_SCREENING: Final = "Screening"
_MODELS: Final = "Models"
_TRAINING: Final = "Data sets and training"

COMMANDS: Final = (
    Command(
        "scan",
        "cxr_edge.cli.scan",
        _SCREENING,
        supervised=True,
        advice=". Try another --runtime, or 'cxr verify MODEL --self-test'",
    ),
    Command("convert", "cxr_edge.cli.convert", _SCREENING, supervised=True),
    Command("doctor", "cxr_edge.cli.doctor", _SCREENING),
    Command("benchmark", "cxr_edge.cli.benchmark", _SCREENING),
    Command("evaluate", "cxr_edge.cli.evaluate", _MODELS),
    Command("export", "cxr_export.cli.export", _MODELS),
    Command("verify", "cxr_export.cli.verify", _MODELS),
    Command("explain", "cxr_export.cli.explain", _MODELS),
    Command("audit", "cxr_edge.cli.audit", _TRAINING),
    Command("train", "cxr_edge.cli.train", _TRAINING),
    Command("compare", "cxr_edge.cli.compare", _TRAINING),
)
"""Every subcommand, in the order of ``cxr --help``."""
