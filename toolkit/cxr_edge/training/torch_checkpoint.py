"""Tensors of a legacy PyTorch file, read without PyTorch and without running pickled code."""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import DataError

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL: Final = 1001
_STORAGES: Final = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class _Storage:
    """A flat array that tensors are views of."""

    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage that has not been read yet."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Unpickler that knows dictionaries of tensors alone, so that a file cannot run code."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(
                storage, offset, shape, strides
            )
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"expected tensors alone, got {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:  # Any: the protocol's own
        _, dtype, key, *_ = pid
        return _Storage(key, dtype)


def read_torch_file(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a file that ``torch.save`` wrote before version 1.6, by name.

    Such a file is a sequence of pickles (magic number, protocol, system, the dictionary of tensors,
    the keys of the storages) and then each storage: its length as int64, its raw numbers.

    Returns
    -------
    dict
        Tensors by name, with the shape that they were saved with.

    Raises
    ------
    DataError
        The file cannot be read, or is something else.
    """
    try:
        with path.open("rb") as file:
            _check_head(_next(file), _next(file))
            _next(file)  # the system that wrote it: little-endian, like the dtypes above
            tensors: dict[str, _Tensor] = _next(file)
            dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
            storages = {key: _read_storage(file, dtypes[key]) for key in _next(file)}
        return {name: _view(tensor, storages) for name, tensor in tensors.items()}
    except (OSError, EOFError, KeyError, AttributeError, ValueError, pickle.UnpicklingError) as exc:
        raise DataError(f"{path}: expected a legacy PyTorch file of weights: {exc}") from exc


def _check_head(magic: object, protocol: object) -> None:
    if (magic, protocol) != (_MAGIC, _PROTOCOL):
        raise pickle.UnpicklingError("expected PyTorch's magic number and protocol 1001")


def _next(file: BinaryIO) -> Any:  # Any: whatever the file holds
    return _Unpickler(file).load()


def _read_storage(file: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    count = int.from_bytes(file.read(8), "little")
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise EOFError("the file ends too early")
    return np.frombuffer(data, dtype)


def _view(tensor: _Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    storage = storages[tensor.storage.key][tensor.offset :]
    last = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if min((*tensor.strides, 0)) < 0 or last >= len(storage):
        raise ValueError("a tensor lies outside of its storage")
    strides = [step * storage.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage, tensor.shape, strides).copy()
