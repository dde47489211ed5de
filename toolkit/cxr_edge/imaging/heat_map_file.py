"""The one rule for where the heat map of an image is, and how it says of what it is."""

import hashlib
from pathlib import Path
from typing import Final

_LONGEST: Final = 240
"""Bytes of a name that every file system takes, with room for a temporary one."""

_DIGEST: Final = 16
"""Digits that end a name that was cut off."""


def heat_map_path(folder: Path, path: str) -> Path:
    """Return the file of an image's heat map.

    Parameters
    ----------
    folder
        Folder of the heat maps.
    path
        The image's ``path`` in the report.

    Returns
    -------
    Path
        ``folder/path.png``; a part that is longer than file systems take is cut off and ends with
        digits of its digest.
    """
    return folder.joinpath(*map(_short, f"{path}.png".split("/")))


def heat_map_note(sha256: str, model_sha256: str, threshold: str) -> str:
    """Return the note by which a heat map says from which image, model and threshold it is.

    Parameters
    ----------
    sha256, model_sha256
        SHA-256 of the image's file and of the model's.
    threshold
        Threshold, as it stands in a report.
    """
    return f"image {sha256} model {model_sha256} threshold {threshold}"


def _short(part: str) -> str:
    if len(part.encode()) <= _LONGEST:
        return part
    digest = hashlib.sha256(part.encode()).hexdigest()[:_DIGEST]
    kept = part.encode()[: _LONGEST - _DIGEST - 5].decode("utf-8", "ignore")
    return f"{kept}-{digest}.png"
