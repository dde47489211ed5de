"""The header of an image, as far as a DICOM object that is derived from it takes it over.

This is the one reader of values that identify a patient: DICOM demands that an object says of whom
and of which study it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from cxr_edge.errors import Corrupt, Truncated
from cxr_edge.imaging.dicom.attributes import described, integer_of
from cxr_edge.imaging.dicom.dataset import parse
from cxr_edge.imaging.dicom.errors import DAMAGE
from cxr_edge.imaging.dicom.file_meta import is_uid

REQUIRED: Final = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName",
)  # fmt: skip
"""Keywords of the patient and the study that every object has, PS3.3 C.7.1.1 and C.7.2.1, though
some may be empty."""

IF_THERE: Final = ("IssuerOfPatientID",)
"""Keywords without which the others may mean another patient."""

_UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")


@dataclass(frozen=True)
class SourceHeader:
    """Header of an image, as far as what is derived from it needs it."""

    study: str
    """UID of the study."""
    series: str
    """UID of the series."""
    sop_class: str
    """UID of the kind of image."""
    sop_instance: str
    """UID of the image."""
    frames: int
    """Count of frames."""
    patient_and_study: Mapping[str, str]
    """Values by keyword of :data:`REQUIRED`, empty where the source has none, and of those of
    :data:`IF_THERE` that it has; with all characters that the source's character set gives."""


def read_source_header(data: bytes) -> SourceHeader:
    """Read the header of an image that was scored.

    Parameters
    ----------
    data
        All bytes of the file.

    Raises
    ------
    ImageError
        ``corrupt`` where it cannot be read, or has no UID that it must have; ``truncated``, and
        others as :func:`cxr_edge.imaging.dicom.dataset.parse`. No message quotes the header.
    """
    try:
        dataset, _ = parse(data)
        study, series, sop_class, sop_instance = (_uid(dataset, keyword) for keyword in _UIDS)
        there = [keyword for keyword in IF_THERE if _text(dataset, keyword)]
        texts = {keyword: _text(dataset, keyword) for keyword in (*REQUIRED, *there)}
        frames = max(1, integer_of(dataset, "NumberOfFrames", 1))
    except EOFError as exc:
        raise Truncated(f"the DICOM file ends before its pixels do ({len(data)} bytes)") from exc
    except DAMAGE as exc:  # their text may hold bytes of the header
        raise Corrupt("the DICOM header cannot be read; it is damaged") from exc
    return SourceHeader(study, series, sop_class, sop_instance, frames, texts)


def _uid(dataset: Dataset, keyword: str) -> str:
    uid = str(dataset.get(keyword) or "").strip("\0 ")
    if not is_uid(uid):
        raise Corrupt(f"the DICOM file has no valid {described(keyword)}")
    return uid


def _text(dataset: Dataset, keyword: str) -> str:
    """Return an attribute as text in Unicode, several values apart by a backslash."""
    value = dataset.get(keyword)
    values = value if isinstance(value, MultiValue) else [value]
    return "\\".join(str(one) for one in values if one is not None)
