"""Flags from a DICOM header, for images that the model was not made for."""

import re
from collections.abc import Callable
from typing import Final

from cxr_edge.storage.dicomweb.radiographs import is_other_body_part, is_other_modality

_LATERAL: Final = ("LL", "RL", "LAT", "LATERAL", "LEFT LATERAL", "RIGHT LATERAL")
_LATERAL_CODES: Final = ("399067008", "399173006", "399198007")
"""SNOMED CT: lateral, left lateral, right lateral (PS3.16, CID 4010)."""
_HUMAN: Final = re.compile("[LRAPHF]{1,3}")
_RAW: Final = "FOR PROCESSING"
_RAW_CLASSES: Final = (
    "1.2.840.10008.5.1.4.1.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.1.3.1",
)
"""SOP classes of digital X-ray, mammography and intra-oral images for processing."""


def header_flags(read: Callable[[str], str]) -> set[str]:
    """Return the flags of :data:`cxr_edge.imaging.image.FLAGS` that the header gives.

    An attribute that is absent or empty gives none.

    Parameters
    ----------
    read
        Returns an attribute by its keyword: as text, upper case, empty where it is absent. The
        keyword ``ViewCode`` stands for the value of the view's code.
    """
    modality, part = read("Modality"), read("BodyPartExamined")
    found = {
        "burned-in": read("BurnedInAnnotation") == "YES",
        "for-processing": read("PresentationIntentType") == _RAW
        or read("SOPClassUID") in _RAW_CLASSES,
        "lateral": read("ViewPosition") in _LATERAL or read("ViewCode") in _LATERAL_CODES,
        "lossy": read("LossyImageCompression") == "01",
        "orientation": not _is_upright(read("PatientOrientation")),
        "other-body-part": is_other_body_part(part),
        "other-modality": is_other_modality(modality),
    }
    return {flag for flag, holds in found.items() if holds}


def _is_upright(orientation: str) -> bool:
    """Tell whether the patient stands upright and faces the viewer, PS3.3 C.7.6.1.1.1.

    The letters name the patient's sides toward which the rows and the columns run: L (left) or, in
    a lateral view, A or P; and F (feet). A slice, whose columns do not run along the body, has no
    upright; the letters of animals are others, and tell nothing here.
    """
    row, _, column = orientation.partition("\\")
    if not (_HUMAN.fullmatch(row) and _HUMAN.fullmatch(column)):
        return True
    along, down = row[0], column[0]
    return along not in "HF" and down != "H" and not (down == "F" and along == "R")
