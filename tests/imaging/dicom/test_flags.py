"""Warnings by what a DICOM header says."""

import pytest
from dicoms import TOLD

from cxr_edge.imaging.dicom.flags import header_flags


@pytest.mark.parametrize(("header", "flag"), TOLD)
def test_a_image_of_another_kind_is_flagged(header: dict[str, str], flag: str) -> None:
    """A header that tells of something the model was not made for is flagged in the report."""
    assert header_flags(lambda name: header.get(name, "")) == {flag}


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Modality": "CR"},
        {"Modality": "DX"},
        {"Modality": "RG"},
        {"BodyPartExamined": "CHEST"},
        {"BodyPartExamined": "THORAX AP"},
        {"BodyPartExamined": "CHESTABDOMEN"},
        {"ViewPosition": "PA"},
        {"ViewPosition": "AP"},
        {"ViewPosition": "LLD"},  # lying on a side, seen from the front
        {"ViewCode": "399348003"},
        {"BurnedInAnnotation": "NO"},
        {"PresentationIntentType": "FOR PRESENTATION"},
        {"PatientOrientation": "L\\F"},
        {"PatientOrientation": "LF\\FP"},
        {"PatientOrientation": "P\\F"},  # a lateral view
        {"PatientOrientation": "L\\P"},  # a slice
        {"PatientOrientation": "CD\\V"},  # an animal
        {"PatientOrientation": "L"},
        {"LossyImageCompression": "00"},
    ],
)
def test_what_is_as_it_should_be_or_unknown_is_no_warning(header: dict[str, str]) -> None:
    """An attribute that is absent tells nothing, and neither does a frontal chest image."""
    assert not header_flags(lambda name: header.get(name, ""))
