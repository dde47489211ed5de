"""Keras files, checked before Keras reads them."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import h5py

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.git_lfs import refuse_pointer
from cxr_edge.storage.bounded import MAX_JSON, open_archive, parse_json, read_member
from cxr_edge.system.printable import first_names, printable
from cxr_export.keras_models.keras2 import DESCRIPTION, H5_DESCRIPTION, in_keras3, is_keras2
from cxr_export.keras_models.keras_classes import (
    CLASSES,
    FUNCTION,
    FUNCTION_MODULES,
    FUNCTIONS,
    LEGACY_CLASSES,
    OPERATION_MODULES,
    VALUES,
)

_H5_SUFFIXES: Final = (".h5", ".hdf5")

_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HEAD: Final = 128
_METADATA: Final = "metadata.json"


def check_keras_file(path: Path) -> str:
    """Check that a file holds a whole network in the format of its name, and no code.

    Parameters
    ----------
    path
        The file; its suffix, one of :data:`cxr_edge.spec.embedding.KERAS_SUFFIXES`, says which
        format is expected.

    Returns
    -------
    str
        Version of Keras that wrote it, empty where that is unknown.

    Raises
    ------
    ModelInvalid
        It is something else, half a file or weights alone, or names a class or function that is
        not in :mod:`cxr_export.keras_models.keras_classes`.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as exc:
        raise ModelInvalid(f"{path} cannot be read: {exc.strerror}") from exc
    refuse_pointer(head, str(path))
    read = _of_hdf5 if path.suffix.lower() in _H5_SUFFIXES else _of_zip
    config, version = read(path, head)
    try:
        if is_keras2(version):
            config = in_keras3(config)
        strange = list(_not_allowed(config))
    except RecursionError as exc:
        raise ModelInvalid(f"{path}: its description of the network is nested too deeply") from exc
    if strange:
        old = f" in a file of Keras {version}" if is_keras2(version) else ""
        raise ModelInvalid(
            f"{path}: expected only Keras' own layers that compute, got "
            f"{first_names(strange)}{old}; "
            "a model is loaded as data and code in it is not run: rebuild it with layers such as "
            "Rescaling, Resizing or Reshape, or export it to ONNX where its code is"
        )
    return version


def _of_zip(path: Path, head: bytes) -> tuple[object, str]:
    """Return the network that a ``.keras`` archive describes, and its version of Keras."""
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
            config = parse_json(read_member(archive, DESCRIPTION, MAX_JSON))
            has_version = _METADATA in archive.namelist()
            metadata = parse_json(read_member(archive, _METADATA, MAX_JSON)) if has_version else {}
    except (KeyError, ValueError) as exc:
        raise ModelInvalid(
            f"{path}: expected a Keras 3 model (.keras), got an archive whose {DESCRIPTION} cannot "
            f"be read ({exc}); save it with model.save('model.keras')"
        ) from exc
    if isinstance(config, dict):
        config["compile_config"] = None  # not read where a model is loaded without compiling
    version = metadata.get("keras_version") if isinstance(metadata, dict) else ""
    return config, _text(version)


def _of_hdf5(path: Path, head: bytes) -> tuple[object, str]:
    """Return the network that an ``.h5`` file describes, and its version of Keras."""
    if head.startswith(b"PK"):
        raise ModelInvalid(
            f"{path}: expected an HDF5 file, got an archive, perhaps a Keras 3 model; rename it "
            "to end in .keras"
        )
    try:
        with h5py.File(path, "r") as file:
            elsewhere = file.visititems(_elsewhere) or _elsewhere("/", file)
            config = file.attrs.get(H5_DESCRIPTION)
            version = file.attrs.get("keras_version")
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
        return parse_json(config), _text(version)
    except (TypeError, ValueError) as exc:
        raise ModelInvalid(
            f"{path}: expected a description of the network in it, got one that is not JSON "
            f"({exc}); copy it again"
        ) from exc


def _text(version: object) -> str:
    text = version.decode("utf-8", "replace") if isinstance(version, bytes) else version
    return printable(text) if isinstance(text, str) else ""


def _elsewhere(name: str, thing: h5py.Group | h5py.Dataset) -> str | None:
    """Return the name of a part that HDF5 would read from another file; None if there is none."""
    if isinstance(thing, h5py.Dataset):
        return repr(name) if thing.external or thing.is_virtual else None
    links = ((below, thing.get(below, getlink=True)) for below in thing)
    return next((repr(b) for b, link in links if isinstance(link, h5py.ExternalLink)), None)


def _not_allowed(config: object) -> Iterator[str]:
    """Yield the classes and functions that are not allowed, at any depth of a description."""
    if isinstance(config, dict):
        if "class_name" in config and not _is_allowed(config):
            yield _described(config)
        for value in config.values():
            yield from _not_allowed(value)
    elif isinstance(config, list):
        for value in config:
            yield from _not_allowed(value)


def _is_allowed(thing: Mapping[str, object]) -> bool:
    """Tell whether Keras resolves this class or function to one that only computes."""
    module, name = thing.get("module"), str(thing["class_name"])
    registered = thing.get("registered_name")
    if name == FUNCTION:
        return module in FUNCTION_MODULES and thing.get("config") in FUNCTIONS
    if registered not in (None, "", name):  # Keras would look it up before the class
        return False
    if module is None:
        return name in LEGACY_CLASSES or name in VALUES
    return module in OPERATION_MODULES or name in CLASSES.get(str(module), ())


def _described(thing: Mapping[str, object]) -> str:
    """Return module and name of a class or function, and the name of the object."""
    module, config = thing.get("module"), thing.get("config")
    if thing["class_name"] == FUNCTION:
        return printable(f"the function {config}")
    called = config.get("name") if isinstance(config, dict) else thing.get("name")
    kind = f"{module}.{thing['class_name']}" if module else str(thing["class_name"])
    return printable(f"{kind} {called!r}" if called else kind)
