"""What a file of a Keras model holds, before Keras reads it."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import h5py

from cxr_edge.errors import ModelInvalid
from cxr_edge.runtimes.lfs import refuse_pointer

_H5_SUFFIXES: Final = (".h5", ".hdf5")

_CODE: Final = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
"""Layers that are code, or load some."""
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HEAD: Final = 128


def check_keras_file(path: Path) -> None:
    """Do nothing where a file holds a whole network in the format of its name, and no code.

    Parameters
    ----------
    path
        The file; what its name ends in says which of :data:`cxr_edge.artefact.KERAS_SUFFIXES` it
        is to be.

    Raises
    ------
    ModelInvalid
        It is something else, half a file, weights alone, or has a layer that is code.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as exc:
        raise ModelInvalid(f"{path} cannot be read: {exc.strerror}") from exc
    refuse_pointer(head, str(path))
    config = _of_hdf5(path, head) if path.suffix.lower() in _H5_SUFFIXES else _of_zip(path, head)
    if code := [f"{kind} layer {name}" for kind, name in _layers(config) if kind in _CODE]:
        raise ModelInvalid(
            f"{path}: expected a model without code, came one with the {', '.join(code)}, which "
            "is not run; rebuild it with Keras' own layers (Rescaling, Resizing, Reshape, ...)"
        )


def _of_zip(path: Path, head: bytes) -> object:
    """Return the network that a ``.keras`` archive describes."""
    if head.startswith(_HDF5):
        raise ModelInvalid(
            f"{path}: expected a Keras 3 model, came an HDF5 file as older versions of Keras "
            "write it; rename it to end in .h5"
        )
    if not zipfile.is_zipfile(path):
        raise ModelInvalid(
            f"{path}: expected a Keras 3 model (.keras), came something else or half of one; "
            "save it with model.save('model.keras')"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as exc:
        raise ModelInvalid(
            f"{path}: expected a Keras 3 model (.keras), came an archive whose config.json cannot "
            f"be read ({exc}); save it with model.save('model.keras')"
        ) from exc


def _of_hdf5(path: Path, head: bytes) -> object:
    """Return the network that an ``.h5`` file describes."""
    if head.startswith(b"PK"):
        raise ModelInvalid(
            f"{path}: expected an HDF5 file, came an archive, perhaps a Keras 3 model; rename it "
            "to end in .keras"
        )
    try:
        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
    except (OSError, RuntimeError, KeyError, ValueError) as exc:
        raise ModelInvalid(
            f"{path}: expected a Keras model (.h5), came something else or half of one ({exc}); "
            "copy it again"
        ) from exc
    if config is None:
        raise ModelInvalid(
            f"{path}: expected a network with its weights, came weights alone; save it whole "
            "with model.save('model.keras')"
        )
    try:
        return json.loads(config)
    except (TypeError, ValueError) as exc:
        raise ModelInvalid(
            f"{path}: expected a description of the network in it, came one that is not JSON "
            f"({exc}); copy it again"
        ) from exc


def _layers(config: object) -> Iterator[tuple[object, str]]:
    """Yield class and name of everything that a network's description builds, at any depth."""
    if isinstance(config, dict):
        if "class_name" in config:
            inner: Any = config.get("config")
            name = inner.get("name") if isinstance(inner, dict) else None
            yield config["class_name"], repr(name or config.get("name"))
        for value in config.values():
            yield from _layers(value)
    elif isinstance(config, list):
        for value in config:
            yield from _layers(value)
