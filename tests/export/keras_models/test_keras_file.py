"""Keras files from elsewhere: data within themselves, or refused before Keras reads them."""

import contextlib
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from cxr_edge.errors import ModelInvalid
from cxr_export.keras_models.keras_file import check_keras_file

CONFIG = json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": []}})


def archive(path: Path, **members: bytes | str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", CONFIG)
        for name, data in members.items():
            file.writestr(name.replace("UP", "../"), data)
    return path


def hdf5(path: Path) -> h5py.File:
    file = h5py.File(path, "w")
    file.attrs["model_config"] = CONFIG
    file.create_group("model_weights/dense")
    return file


def test_a_plain_file_passes(tmp_path: Path) -> None:
    """The file below passes until it is damaged, so each refusal has its own reason."""
    check_keras_file(archive(tmp_path / "m.keras"))
    hdf5(tmp_path / "m.h5").close()
    check_keras_file(tmp_path / "m.h5")


def test_members_stay_within(tmp_path: Path) -> None:
    """A name that leads out of the archive is refused before Keras unpacks any."""
    with pytest.raises(ModelInvalid, match="leads out of the archive"):
        check_keras_file(archive(tmp_path / "m.keras", UPweights=b"x"))


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    """Weights that inflate to many times the file."""
    with pytest.raises(ModelInvalid, match="members grow to"):
        check_keras_file(archive(tmp_path / "m.keras", weights=bytes(1 << 27)))


@pytest.mark.parametrize("depth", [300, 600, 900, 100_000])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_deep_description_is_an_error_of_the_model(
    depth: int, suffix: str, tmp_path: Path
) -> None:
    """However deep: looked through to its end, or refused."""
    deep = '{"a":' * depth + "1" + "}" * depth
    path = tmp_path / f"m{suffix}"
    if suffix == ".keras":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("config.json", deep)
    else:
        with h5py.File(path, "w", libver="latest") as file:  # else an attribute has 64 KB
            file.attrs["model_config"] = deep
    refused = pytest.raises(ModelInvalid, match="too deeply")
    with refused if depth > 10_000 else contextlib.suppress(ModelInvalid):
        check_keras_file(path)


@pytest.mark.parametrize("where", ["/", "model_weights", "model_weights/dense"])
def test_a_link_to_another_file_is_not_followed(where: str, tmp_path: Path) -> None:
    """HDF5 would read whatever file it names."""
    with hdf5(tmp_path / "m.h5") as file:
        file[where]["kernel"] = h5py.ExternalLink("/etc/hostname", "/")
    with pytest.raises(ModelInvalid, match="'kernel' is in another"):
        check_keras_file(tmp_path / "m.h5")


def test_data_in_another_file_is_not_read(tmp_path: Path) -> None:
    """Neither raw bytes of any file nor a virtual view of other HDF5 files are weights."""
    outside = [(b"/etc/hostname", 0, 4)]
    with hdf5(tmp_path / "m.h5") as file:
        file["model_weights"].create_dataset("w", (4,), np.uint8, external=outside)
    with pytest.raises(ModelInvalid, match="'model_weights/w' is in another"):
        check_keras_file(tmp_path / "m.h5")
    layout = h5py.VirtualLayout((4,), np.uint8)
    layout[:] = h5py.VirtualSource("other.h5", "w", (4,))
    with hdf5(tmp_path / "v.h5") as file:
        file["model_weights"].create_virtual_dataset("w", layout)
    with pytest.raises(ModelInvalid, match="'model_weights/w' is in another"):
        check_keras_file(tmp_path / "v.h5")
