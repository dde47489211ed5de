"""The words of DICOM that tell whether an image is a radiograph, and of a chest."""

from typing import Final

_PROJECTION: Final = ("CR", "DX", "RG")
"""Computed, digital and conventional radiography."""

_CHEST: Final = ("CHEST", "THORA", "TORAX", "LUNG")


def is_other_modality(modality: str) -> bool:
    """Tell whether Modality (0008,0060) names something else than a radiograph; empty does not."""
    return bool(modality) and modality not in _PROJECTION


def is_other_body_part(part: str) -> bool:
    """Tell whether Body Part Examined (0018,0015) names no chest; empty does not."""
    return bool(part) and not any(word in part for word in _CHEST)
