"""Files that Keras 2 wrote, in the words of Keras 3."""

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py

DESCRIPTION: Final = "config.json"
"""Member of a ``.keras`` archive that describes the network."""

H5_DESCRIPTION: Final = "model_config"
"""Attribute of an ``.h5`` file that describes the network."""

_ENGINE: Final = re.compile(r"(?:tf_)?keras\.(?:src\.)?engine\.(functional|sequential|training)")
"""Modules under which Keras 2 names a network."""
_NETWORKS: Final = {
    "functional": "keras.src.models.functional",
    "sequential": "keras",
    "training": "keras",
}
"""Modules under which Keras 3 names it."""

_ANY: Final = object()
_DROPPED: Final = (
    (re.compile(r"(?:Depthwise|Separable)Conv\dD|Conv\dDTranspose"), "groups", 1),
    (re.compile(r"LSTM|GRU|SimpleRNN|RNN"), "time_major", False),
    (re.compile(r"LSTM|GRU"), "implementation", _ANY),
    (re.compile(r"Random\w+"), "rng_type", _ANY),
    *(
        (re.compile(r"(?:Depthwise|Separable)Conv\dD"), f"kernel_{training}", _ANY)
        for training in ("initializer", "regularizer", "constraint")
    ),
)
"""Classes with an argument that Keras 3 no longer takes, and the value that says nothing."""


def is_keras2(version: str) -> bool:
    """Tell whether a file's ``keras_version`` is one of Keras 2."""
    return version.startswith("2.")


def in_keras3(config: Any) -> Any:  # Any: JSON
    """Return a network's description with the modules and arguments of Keras 3, at any depth.

    An argument that Keras 3 lacks is dropped only where its value changes nothing; any other stays,
    and Keras 3 refuses it.
    """
    if isinstance(config, list):
        return [in_keras3(value) for value in config]
    if not isinstance(config, dict):
        return config
    found = {key: in_keras3(value) for key, value in config.items()}
    module, own = found.get("module"), found.get("config")
    if isinstance(module, str):
        network = _ENGINE.fullmatch(module)
        found["module"] = (
            _NETWORKS[network[1]] if network else re.sub(r"^tf_keras\b", "keras", module)
        )
    if isinstance(own, dict):
        kind = str(found.get("class_name"))
        for classes, name, value in _DROPPED:
            if name in own and classes.fullmatch(kind) and value in (_ANY, own[name]):
                del own[name]
        if kind == "LeakyReLU" and "alpha" in own:
            own["negative_slope"] = own.pop("alpha")
    return found


@contextmanager
def copy_in_keras3(path: Path) -> Iterator[Path]:
    """Give a copy of a file of Keras 2 whose description Keras 3 understands."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        if zipfile.is_zipfile(path):
            _translate_archive(path, copy)
        else:
            shutil.copyfile(path, copy)
            with h5py.File(copy, "r+") as file:
                described = in_keras3(json.loads(file.attrs[H5_DESCRIPTION]))
                file.attrs[H5_DESCRIPTION] = json.dumps(described)
        yield copy


def _translate_archive(path: Path, copy: Path) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for member in old.infolist():
            with old.open(member) as source, new.open(member.filename, "w") as target:
                if member.filename == DESCRIPTION:
                    target.write(json.dumps(in_keras3(json.load(source))).encode())
                else:
                    shutil.copyfileobj(source, target)
