"""What a file of a Keras model holds, before Keras reads it."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import h5py

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.git_lfs import refuse_pointer
from cxr_edge.storage.bounded import MAX_JSON, open_archive, parse_json, read_member

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
        The file; its suffix says which of :data:`cxr_edge.spec.embedding.KERAS_SUFFIXES` it is
        to be.

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
    try:
        layers = list(_layers(config))
    except RecursionError as exc:
        raise ModelInvalid(f"{path}: its description of the network is nested too deeply") from exc
    if code := [f"{kind} layer {name}" for kind, name in layers if kind in _CODE]:
        raise ModelInvalid(
            f"{path}: expected a model without code, got one with the {', '.join(code)}, which "
            "is not run; rebuild it with Keras' own layers (Rescaling, Resizing, Reshape, ...)"
        )


def _of_zip(path: Path, head: bytes) -> object:
    """Return the network that a ``.keras`` archive describes."""
    if head.startswith(_HDF5):
        raise ModelInvalid(
            f"{path}: expected a Keras 3 model, got an HDF5 file as older versions of Keras "
            "write it; rename it to end in .h5"
        )
    if not zipfile.is_zipfile(path):
        raise ModelInvalid(
            f"{path}: expected a Keras 3 model (.keras), got something else or half of one; "
            "save it with model.save('model.keras')"
        )
    try:
        with open_archive(path) as archive:
            return parse_json(read_member(archive, "config.json", MAX_JSON))
    except (KeyError, ValueError) as exc:
        raise ModelInvalid(
            f"{path}: expected a Keras 3 model (.keras), got an archive whose config.json cannot "
            f"be read ({exc}); save it with model.save('model.keras')"
        ) from exc


def _of_hdf5(path: Path, head: bytes) -> object:
    """Return the network that an ``.h5`` file describes."""
    if head.startswith(b"PK"):
        raise ModelInvalid(
            f"{path}: expected an HDF5 file, got an archive, perhaps a Keras 3 model; rename it "
            "to end in .keras"
        )
    try:
        with h5py.File(path, "r") as file:
            elsewhere = file.visititems(_elsewhere) or _elsewhere("/", file)
            config = file.attrs.get("model_config")
    except (OSError, RuntimeError, KeyError, ValueError) as exc:
        raise ModelInvalid(
            f"{path}: expected a Keras model (.h5), got something else or half of one ({exc}); "
            "copy it again"
        ) from exc
    if elsewhere:
        raise ModelInvalid(
            f"{path}: expected all weights in one file, got a model whose {elsewhere} is in "
            "another, which is not followed; save it whole with model.save('model.keras')"
        )
    if config is None:
        raise ModelInvalid(
            f"{path}: expected a network with its weights, got weights alone; save it whole "
            "with model.save('model.keras')"
        )
    try:
        return parse_json(config)
    except (TypeError, ValueError) as exc:
        raise ModelInvalid(
            f"{path}: expected a description of the network in it, got one that is not JSON "
            f"({exc}); copy it again"
        ) from exc


def _elsewhere(name: str, thing: h5py.Group | h5py.Dataset) -> str | None:
    """Return what HDF5 would read from other files, None where it is nothing."""
    if isinstance(thing, h5py.Dataset):
        return repr(name) if thing.external or thing.is_virtual else None
    links = ((below, thing.get(below, getlink=True)) for below in thing)
    return next((repr(b) for b, link in links if isinstance(link, h5py.ExternalLink)), None)


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
