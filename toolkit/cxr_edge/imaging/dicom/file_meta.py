"""The head of a DICOM file: what kind of object it holds, and how that is encoded."""

from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.dicom.errors import DAMAGE


@dataclass(frozen=True)
class FileMeta:
    """Kind and encoding of the object in a DICOM file."""

    sop_class: str
    """UID of the kind of object."""
    transfer_syntax: str
    """UID of the encoding."""


def read_file_meta(data: bytes) -> FileMeta:
    """Read the file meta information of a DICOM file (PS3.10, 7.1).

    Parameters
    ----------
    data
        All bytes of the file.

    Raises
    ------
    Corrupt
        It has none, or lacks one of the two UIDs.
    """
    try:
        meta = dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=[]).file_meta
        return FileMeta(str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID))
    except (InvalidDicomError, *DAMAGE) as exc:
        raise Corrupt("the file has no DICOM file meta information with both UIDs") from exc
