"""Contenders of peers.py: ``cxr scan`` and its peers, each with its environment."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from environments import Environment

WORKERS: Final = Path(__file__).resolve().parent / "workers"
TOOLKIT: Final = WORKERS.parents[1] / "toolkit"
PACKAGE: Final = TOOLKIT / "cxr_edge" / "models" / "default"

NUMPY: Final = "numpy==2.4.6"
PLAIN: Final = Environment("plain", (NUMPY, "pillow==13.0.0", "onnxruntime==1.32.0"))
KERAS: Final = Environment(
    "keras",
    (
        NUMPY,
        "tensorflow-cpu==2.21.0; platform_machine == 'x86_64'",
        "tensorflow==2.21.0; platform_machine != 'x86_64'",
        "keras==3.15.1",
        "pillow==13.0.0",
        "scipy==1.17.1",
    ),
)
TORCH: Final = Environment(
    "torch",
    (
        NUMPY,
        "torch==2.14.1",
        "torchvision==0.29.1",
        "ultralytics==8.4.190",
        "onnx==1.23.2",
        "onnxruntime==1.32.0",
    ),
)
OPENVINO: Final = Environment(
    "openvino",
    (NUMPY, "openvino==2026.4.1", "opencv-python-headless==5.0.0.93"),
    unwanted=("openvino-telemetry",),  # it reports each import to its makers
)


@dataclass(frozen=True)
class Contender:
    """A way to classify a folder of images."""

    name: str
    """Name for ``--only``."""
    title: str
    """Title in the table."""
    command: Sequence[str]
    """Arguments of the interpreter; ``{images}``, ``{report}`` and ``{scratch}`` are filled in."""
    environment: Environment | None = None
    """Environment of the interpreter; None is the one that runs this."""
    make: Sequence[str] = ()
    """Arguments of a command that makes its network in ``{scratch}`` before anything is timed."""
    same_network: bool = True
    """Whether its labels can be compared with those of ``cxr scan``."""
    slow: bool = False
    """Whether ``--slow-count`` is meant for it."""


def cxr(options: str) -> Contender:
    """Return ``cxr scan`` with options, given as in a shell."""
    name = f"cxr scan {options}".strip()
    command = ("-m", "cxr_edge", "scan", "{images}", "--out", "{report}", "--quiet")
    return Contender(name, name, (*command, *shlex.split(options)))


def _worker(script: str, *arguments: str | Path) -> tuple[str, ...]:
    return (str(WORKERS / script), *map(str, arguments))


def _classify(script: str, *arguments: str | Path) -> tuple[str, ...]:
    return _worker(script, "{images}", "{report}", *arguments)


_STUDY: Final = "{scratch}/study.keras"
_YOLO: Final = "{scratch}/yolo.onnx"


def peers(package: Path) -> tuple[Contender, ...]:
    """Return all that classify with the network of a model package, and the study's own.

    Parameters
    ----------
    package
        Folder with ``model.keras`` and ``model.onnx``; also ``model.int8.onnx`` for int8.
    """
    onnx = package / "model.onnx"
    side = json.loads((package / "spec.json").read_text(encoding="utf-8"))["input"]["width"]
    return (
        Contender(
            "keras", "Keras, as the study did",
            _classify("keras_predict.py", package / "model.keras", "grayscale"), KERAS,
        ),
        Contender(
            "study", "Keras, as the study did, its model 4",
            _classify("keras_predict.py", _STUDY, "rgb"), KERAS,
            make=_worker("study_network.py", _STUDY), same_network=False, slow=True,
        ),
        Contender(
            "pillow-1", "Pillow and onnxruntime, one by one",
            _classify("pillow_onnxruntime.py", onnx, "1"), PLAIN,
        ),
        Contender(
            "pillow-32", "Pillow and onnxruntime, batches of 32",
            _classify("pillow_onnxruntime.py", onnx, "32"), PLAIN,
        ),
        Contender(
            "yolo", "ultralytics, yolo predict",
            _classify("yolo_predict.py", _YOLO, str(side)), TORCH,
            make=_worker("yolo_graph.py", onnx, _YOLO),
        ),
        Contender("openvino", "OpenVINO, float", _classify("openvino_async.py", onnx), OPENVINO),
        Contender(
            "openvino-int8", "OpenVINO, int8",
            _classify("openvino_async.py", package / "model.int8.onnx"), OPENVINO,
        ),
    )  # fmt: skip
