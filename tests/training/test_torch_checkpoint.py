"""Reading weights without PyTorch."""

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_edge.errors import DataError
from cxr_edge.training.torch_checkpoint import read_torch_file

MAGIC = 0x1950A86A20F9469CFC6C


class FloatStorage:
    """Pickled by its name in torch."""


class Rebuilt:
    """A tensor on its way into a pickle, as torch writes it."""

    def __init__(self, *state: object) -> None:
        self.state = state


class Pickler(pickle._Pickler):
    """Writes the names that torch would."""

    def persistent_id(self, obj: object) -> object:
        return obj if isinstance(obj, tuple) and obj[:1] == ("storage",) else None

    def save(self, obj: Any, *, save_persistent_id: bool = True) -> None:
        if obj is FloatStorage:
            self.write(pickle.GLOBAL + b"torch\nFloatStorage\n")
        elif isinstance(obj, Rebuilt):
            self.write(pickle.GLOBAL + b"torch._utils\n_rebuild_tensor_v2\n")
            self.save(obj.state)
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id=save_persistent_id)


def legacy_file(path: Path, shape: tuple[int, ...], strides: tuple[int, ...], n: int = 6) -> Path:
    """Write ``n`` floats from 0 as one tensor seen through ``shape`` and ``strides``."""
    storage = ("storage", FloatStorage, "key", "cpu", n, None)
    tensors = OrderedDict(weight=Rebuilt(storage, 0, shape, strides, False, OrderedDict()))
    buffer = io.BytesIO()
    for item in (MAGIC, 1001, {"little_endian": True}, tensors, ["key"]):
        Pickler(buffer, 2).dump(item)
    buffer.write(n.to_bytes(8, "little") + np.arange(n, dtype="<f4").tobytes())
    path.write_bytes(buffer.getvalue())
    return path


def test_strides_are_applied(tmp_path: Path) -> None:
    """A tensor saved with permuted strides comes out as it was, not as it lies in memory."""
    tensors = read_torch_file(legacy_file(tmp_path / "w.pth", (3, 2), (1, 3)))
    np.testing.assert_array_equal(tensors["weight"], np.arange(6).reshape(2, 3).T)


def test_a_view_outside_of_its_storage_is_refused(tmp_path: Path) -> None:
    """Nothing beyond the file's own numbers is ever read."""
    with pytest.raises(DataError, match="outside of its storage"):
        read_torch_file(legacy_file(tmp_path / "w.pth", (3, 3), (3, 1)))


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    """Half a download is told."""
    path = legacy_file(tmp_path / "w.pth", (6,), (1,))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="ends too early"):
        read_torch_file(path)


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    """A file that names anything but tensors is refused before it acts."""
    (tmp_path / "w.pth").write_bytes(pickle.dumps(print))
    with pytest.raises(DataError, match=r"expected tensors alone, got builtins\.print"):
        read_torch_file(tmp_path / "w.pth")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", pickle.dumps(5) * 2])
def test_anything_else_is_refused(tmp_path: Path, data: bytes) -> None:
    """Among it PyTorch's newer zip files."""
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(DataError, match="legacy PyTorch file"):
        read_torch_file(tmp_path / "w.pth")
