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
    """Heading above it in ``cxr --help``."""
    supervised: bool = False
    """Whether it runs in a child process, which is started again if it dies."""
    tensorflow: bool = False
    """Whether it may load TensorFlow, whose notes are then kept off the terminal."""
    advice: str = ""
    """End of the message when the child dies again and again."""
    synonyms: tuple[str, ...] = ()
    """Words that are no command, for which ``cxr`` suggests this one."""


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
        synonyms=("classify", "detect", "infer", "inference", "predict", "run", "score", "screen"),
    ),
    Command(
        "watch",
        "cxr_edge.cli.watch",
        _SCREENING,
        supervised=True,
        advice=". Try another --runtime, or 'cxr verify MODEL --self-test'",
        synonyms=("daemon", "inbox", "monitor", "serve"),
    ),
    Command(
        "convert",
        "cxr_edge.cli.convert",
        _SCREENING,
        supervised=True,
        synonyms=("anonymize", "deidentify", "dicom2png", "pseudonymize"),
    ),
    Command("merge", "cxr_edge.cli.merge", _SCREENING, synonyms=("combine", "concat", "join")),
    Command("relabel", "cxr_edge.cli.relabel", _SCREENING, synonyms=("rethreshold", "threshold")),
    Command("report", "cxr_edge.cli.report", _SCREENING, synonyms=("html", "page", "worklist")),
    Command("sr", "cxr_edge.cli.sr", _SCREENING, synonyms=("dicom-sr", "pacs", "structured")),
    Command("receive", "cxr_edge.cli.receive", _SCREENING, synonyms=("listen", "scp", "storescp")),
    Command("send", "cxr_edge.cli.send", _SCREENING, synonyms=("push", "scu", "store", "storescu")),
    Command("doctor", "cxr_edge.cli.doctor", _SCREENING, synonyms=("check", "diagnose", "info")),
    Command("benchmark", "cxr_edge.cli.benchmark", _SCREENING, synonyms=("measure", "speed")),
    Command("models", "cxr_edge.cli.models", _MODELS, synonyms=("inspect", "list", "show")),
    Command(
        "evaluate",
        "cxr_edge.cli.evaluate",
        _MODELS,
        tensorflow=True,
        synonyms=("eval", "metrics", "test"),
    ),
    Command(
        "calibrate",
        "cxr_edge.cli.calibrate",
        _MODELS,
        synonyms=("platt", "recalibrate", "site"),
    ),
    Command(
        "export",
        "cxr_export.cli.export",
        _MODELS,
        tensorflow=True,
        synonyms=("onnx", "quantize", "tflite"),
    ),
    Command(
        "verify", "cxr_export.cli.verify", _MODELS, tensorflow=True, synonyms=("parity", "validate")
    ),
    Command("bundle", "cxr_export.cli.bundle", _MODELS, synonyms=("offline", "pack", "stick")),
    Command(
        "explain",
        "cxr_export.cli.explain",
        _MODELS,
        tensorflow=True,
        synonyms=("gradcam", "heatmap"),
    ),
    Command(
        "audit",
        "cxr_edge.cli.audit",
        _TRAINING,
        tensorflow=True,
        synonyms=("duplicates", "leaks"),
    ),
    Command(
        "train",
        "cxr_edge.cli.train",
        _TRAINING,
        tensorflow=True,
        synonyms=("finetune", "fit", "learn"),
    ),
    Command(
        "compare",
        "cxr_edge.cli.compare",
        _TRAINING,
        synonyms=("diff", "runs"),
    ),
)
"""Every subcommand, in the order of ``cxr --help``."""
