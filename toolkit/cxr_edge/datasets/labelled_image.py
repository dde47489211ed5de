"""A labelled image, its patient and its split."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.datasets.classes import Classes

UNKNOWN: Final = -1
"""Label of an image of unknown class."""

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
SPLITS: Final = (TRAIN, VALIDATION, TEST)
"""Names of the splits in a manifest."""

_PATIENT: Final = re.compile(r"(person\d+)_|((?:NORMAL2-)?IM-\d+)-")
"""Kermany's names: ``person123_bacteria_4.jpeg`` and ``NORMAL2-IM-0115-0001.jpeg``."""

_KERMANY: Final = re.compile(
    r"(person\d+_(bacteria|virus)_\d+|(NORMAL2-)?IM-\d{4}-\d{4}(-\d{4})?)\.jpeg"
)
"""Names of the files of the Kermany set as they were published, all of them JPEG."""


@dataclass(frozen=True)
class LabelledImage:
    """One image file and what is known of it."""

    path: Path
    """The file."""
    label: int
    """Label: 1 for the positive class, 0 for the negative, or :data:`UNKNOWN`."""
    patient: str
    """Patient, or what else groups images; see :func:`patient_of`."""
    split: str = ""
    """Split, one of :data:`SPLITS`; empty where it is unknown."""
    sha256: str = ""
    """Digest that the file must have; empty where it is unknown."""

    def __post_init__(self) -> None:
        if self.label not in (0, 1, UNKNOWN) or self.split not in ("", *SPLITS):
            raise ValueError(
                f"LabelledImage: expected label 0, 1 or {UNKNOWN} and a split of "
                f"{', '.join(SPLITS)} or nothing, got {self.label!r} and {self.split!r}"
            )

    @property
    def names_patient(self) -> bool:
        """Whether the patient is known, so that the name of the file does not stand for one."""
        return self.patient != self.path.name

    def class_in(self, classes: Classes) -> str:
        """Return the name of its class; empty where it is unknown."""
        return "" if self.label == UNKNOWN else classes[self.label]


def patient_of(name: str) -> str:
    """Return the patient that a file name of the Kermany set identifies.

    ``person123_bacteria_4.jpeg`` is person123, ``IM-0115-0001.jpeg`` is IM-0115 and
    ``NORMAL2-IM-0115-0001.jpeg`` is NORMAL2-IM-0115. Any other file counts as one patient.
    """
    match = _PATIENT.match(name)
    return (match[1] or match[2]) if match else name


def unnamed_patients(images: Sequence[LabelledImage]) -> str:
    """Return the sentence on images whose patient is not known; empty where each is known."""
    unnamed = sum(not image.names_patient for image in images)
    if not unnamed:
        return ""
    return (
        f"{unnamed} of {len(images)} images name no patient, so each of them counts as a patient "
        "of its own. If several of them are of one patient, intervals are too narrow and figures "
        "on held-out images too good: name the patients in the column patient of a CSV manifest."
    )


def is_published(name: str) -> bool:
    """Tell whether a file has a name of the Kermany set as it was published.

    :func:`patient_of` takes more names, since images may be stored again in another format; but
    these alone are a hint that two sets have the same patients.
    """
    return bool(_KERMANY.fullmatch(name))
