"""The images that a model was trained on, as a file beside it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import DataError
from cxr_edge.models.checksums import check_listed, read_checksums
from cxr_edge.models.package import CHECKSUMS, TRAINING_IMAGES
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most

VERSION: Final = 1
"""Version of the JSON; a reader refuses any other."""

DIGITS: Final = 16
"""Hexadecimal digits of each digest that are kept: 64 bits, so that a million images
and a list of a million agree somewhere by chance once in twenty million times."""


_SHORT: Final = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True)
class TrainingImages:
    """The images of a training run, by the first digits of their SHA-256."""

    data_sha256: str
    """Digest of the data set, as in the model's provenance."""
    training: frozenset[str]
    """First digits of each image that the model learned from, by its label or by a teacher."""
    validation: frozenset[str]
    """First digits of each image that it was validated on."""

    @classmethod
    def of(cls, training: Sequence[str], validation: Sequence[str], data_sha256: str) -> Self:
        """Return the images with these digests."""
        return cls(data_sha256, _short(training), _short(validation))

    @classmethod
    def read(cls, folder: Path, data_sha256: str) -> Self | None:
        """Read the file in the folder of a run or in a package.

        Parameters
        ----------
        folder
            The folder.
        data_sha256
            Digest of the data set of the model that is asked for.

        Returns
        -------
        TrainingImages or None
            None where there is no file, as beside models of earlier versions, or where it is that
            of another model.

        Raises
        ------
        DataError
            The file is damaged, or of another version, or the package lists one that is missing.
        ModelInvalid
            It is not the one that the package lists.
        """
        path = folder / TRAINING_IMAGES
        is_listed = (folder / CHECKSUMS).exists() and TRAINING_IMAGES in read_checksums(folder)
        if not path.exists() and not is_listed:
            return None
        try:
            text = read_at_most(path, MAX_JSON)
            if is_listed:
                check_listed(folder, TRAINING_IMAGES, hashlib.sha256(text).hexdigest())
            found = cls._from_dict(parse_json(text))
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise DataError(
                f"{path}: expected the list of a model's training images, version {VERSION}; it "
                "cannot be read; copy the folder again, or remove the file"
            ) from exc
        return found if found.data_sha256 == data_sha256 else None

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Self:
        if data["training_images_version"] != VERSION:
            raise ValueError(f"version {data['training_images_version']}")
        return cls(str(data["data_sha256"]), _read(data["training"]), _read(data["validation"]))

    def write(self, folder: Path) -> None:
        """Write the file into a folder."""
        data: dict[str, Any] = {
            "training_images_version": VERSION,
            "data_sha256": self.data_sha256,
            "training": sorted(self.training),
            "validation": sorted(self.validation),
        }
        write_text_atomically(folder / TRAINING_IMAGES, json.dumps(data) + "\n")

    def trained_on(self, sha256: Sequence[str]) -> NDArray[np.bool_]:
        """Return a mask, shape (N,), of the images with these digests that it learned from."""
        return _among(sha256, self.training)

    def validated_on(self, sha256: Sequence[str]) -> NDArray[np.bool_]:
        """Return a mask, shape (N,), of the images with these digests that it was validated on."""
        return _among(sha256, self.validation)


def _short(digests: Sequence[str]) -> frozenset[str]:
    return frozenset(digest[:DIGITS] for digest in digests)


def _read(listed: object) -> frozenset[str]:
    if not isinstance(listed, list) or not all(_SHORT.fullmatch(digest) for digest in listed):
        raise ValueError("expected a list of digests")
    return frozenset(listed)


def _among(sha256: Sequence[str], known: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([digest[:DIGITS] in known for digest in sha256], bool)
