"""Trials of libraries in a process of its own, which a broken library may end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cxr_edge.errors import CxrError

R = TypeVar("R")


@dataclass(frozen=True)
class Trial:
    """Result of opening the default model by a runtime and running its self-test."""

    model: str
    """Default model as in the report: name and digest."""
    provider: str
    """Execution provider or device that the runtime chose."""
    self_test: str
    """Verdict of the self-test, as in the run manifest."""


def caught(call: Callable[..., R], *arguments: object) -> R:
    """Call a function, and turn whatever it raises into a CxrError.

    Raises
    ------
    CxrError
        The function raised something.
    """
    try:
        return call(*arguments)
    except CxrError:
        raise
    except Exception as exc:  # a broken library raises anything
        raise CxrError(f"it fails with {type(exc).__name__}: {exc}") from exc


def onnx_providers() -> tuple[str, ...]:
    """Return onnxruntime's execution providers."""
    from cxr_edge.runtimes import onnx

    return onnx.available_providers()
