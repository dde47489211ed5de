"""Screen folders of chest X-rays for pneumonia. Research use, not a diagnosis.

The names below are the Python API. Importing this package is cheap: each of them is loaded when it
is first used.
"""

import importlib
import os
from typing import Any, Final

__version__ = "0.2.0"

_EXPORTED: Final = {
    "Classifier": "cxr_edge.pipeline.classifier",
    "CxrError": "cxr_edge.errors",
    "Evaluation": "cxr_edge.evaluation.evaluate",
    "Failure": "cxr_edge.pipeline.outcome",
    "Prediction": "cxr_edge.pipeline.outcome",
    "evaluate": "cxr_edge.evaluation.labelled_data",
    "open_model": "cxr_edge.jobs.python_api",
    "scan": "cxr_edge.jobs.python_api",
}

__all__ = [  # loaded by __getattr__
    "Classifier",
    "CxrError",
    "Evaluation",
    "Failure",
    "Prediction",
    "__version__",
    "evaluate",
    "open_model",
    "scan",
]


def __getattr__(name: str) -> Any:  # Any: typed in __init__.pyi
    """Load a name of the API when it is first used."""
    if name not in _EXPORTED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTED[name]), name)


def __dir__() -> list[str]:
    """Return the names of the API."""
    return sorted(__all__)


# onnxruntime on Linux writes a device's number and a queue of events into the user's cache folder,
# and sends them, unless this is set before it is loaded. Nobody asked for that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
