"""Flags from a DICOM header, for images that the model was not made for."""

from collections.abc import Callable
from typing import Final

_PROJECTION: Final = ("CR", "DX", "RG")
_LATERAL: Final = ("LL", "RL", "LAT", "LATERAL", "LEFT LATERAL", "RIGHT LATERAL")
_LATERAL_CODES: Final = ("399067008", "399173006", "399198007")
"""SNOMED CT: lateral, left lateral, right lateral (PS3.16, CID 4010)."""
_CHEST: Final = ("CHEST", "THORA", "TORAX", "LUNG")


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
        "lateral": read("ViewPosition") in _LATERAL or read("ViewCode") in _LATERAL_CODES,
        "lossy": read("LossyImageCompression") == "01",
        "other-body-part": bool(part) and not any(word in part for word in _CHEST),
        "other-modality": bool(modality) and modality not in _PROJECTION,
    }
    return {flag for flag, holds in found.items() if holds}
