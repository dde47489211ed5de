from cxr_edge.errors import CxrError
from cxr_edge.evaluation.evaluate import Evaluation
from cxr_edge.evaluation.labelled_data import evaluate
from cxr_edge.jobs.python_api import open_model, scan
from cxr_edge.pipeline.classifier import Classifier
from cxr_edge.pipeline.outcome import Failure, Prediction

__version__: str

__all__ = [
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
