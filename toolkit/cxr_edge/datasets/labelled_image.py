"""A labelled image, its patient and its split."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LABELS: Final = ("NORMAL", "PNEUMONIA")
"""Class folders, and labels of a manifest: negative, positive."""

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
SPLITS: Final = (TRAIN, VALIDATION, TEST)
"""Of a manifest."""

_PATIENT: Final = re.compile(r"(person\d+)_|((?:NORMAL2-)?IM-\d+)-")
"""Kermany's names: ``person123_bacteria_4.jpeg`` and ``NORMAL2-IM-0115-0001.jpeg``."""


@dataclass(frozen=True)
class LabelledImage:
    """One image and its truth."""

    path: Path
    """The file."""
    label: int
    """Index into :data:`LABELS`."""
    patient: str
    """What groups images; see :func:`patient_of`."""
    split: str = ""
    """One of :data:`SPLITS`; empty where nothing says."""
    sha256: str = ""
    """Digest that the file must have; empty where nothing says."""

    def __post_init__(self) -> None:
        if self.label not in range(len(LABELS)) or self.split not in ("", *SPLITS):
            raise ValueError(
                f"LabelledImage: expected label 0 or 1 and a split of {', '.join(SPLITS)} or "
                f"nothing, got {self.label!r} and {self.split!r}"
            )


def patient_of(name: str) -> str:
    """Return the patient that a file name of the Kermany set names.

    ``person123_bacteria_4.jpeg`` is person123, ``IM-0115-0001.jpeg`` is IM-0115 and
    ``NORMAL2-IM-0115-0001.jpeg`` is NORMAL2-IM-0115. Any other file is a patient of its own.
    """
    match = _PATIENT.match(name)
    return (match[1] or match[2]) if match else name
