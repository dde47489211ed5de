"""A runtime put to the test, by the default model and its self-test.

Called in a process of its own, so that a library that ends its process ends no more than that.
"""

from dataclasses import dataclass

from cxr_edge.errors import CxrError
from cxr_edge.models.locate import DEFAULT
from cxr_edge.models.open import open_model
from cxr_edge.models.self_test import check_once


@dataclass(frozen=True)
class Trial:
    """What came of it."""

    model: str
    """The default model, as in the report."""
    provider: str
    """That the runtime chose."""
    self_test: str
    """As in the run manifest."""


def try_runtime(name: str) -> Trial:
    """Open the default model by a runtime and run its self-test, unless it passed before.

    Raises
    ------
    CxrError
        Whatever went wrong.
    """
    try:
        model = open_model(DEFAULT, name)
        return Trial(model.tag, model.runtime.provider, check_once(model))
    except CxrError:
        raise
    except Exception as exc:  # a broken library raises anything
        raise CxrError(f"it fails with {type(exc).__name__}: {exc}") from exc


def providers() -> tuple[str, ...]:
    """Return onnxruntime's execution providers.

    Raises
    ------
    CxrError
        It cannot be loaded.
    """
    try:
        from cxr_edge.runtimes.onnx import available_providers

        return available_providers()
    except Exception as exc:
        raise CxrError(f"it fails with {type(exc).__name__}: {exc}") from exc
