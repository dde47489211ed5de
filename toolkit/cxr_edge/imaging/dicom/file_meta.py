"""The head of a DICOM file: what kind of object it holds, and how that is encoded."""

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.dicom.errors import DAMAGE

NO_FILE: Final = (InvalidDicomError, *DAMAGE)
"""Errors of pydicom for what is no DICOM file, or a damaged one."""

_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)+")
_UID_LENGTH: Final = 64


@dataclass(frozen=True)
class FileMeta:
    """Kind and encoding of the object in a DICOM file."""

    sop_class: str
    """UID of the kind of object."""
    sop_instance: str
    """UID of the object."""
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
        It has none, or one of the three UIDs is missing or is none.
    """
    try:
        meta = dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=[]).file_meta
        found = FileMeta(
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID),
        )
    except NO_FILE as exc:
        raise Corrupt("the file has no DICOM file meta information with its UIDs") from exc
    if not all(map(is_uid, (found.sop_class, found.sop_instance, found.transfer_syntax))):
        raise Corrupt("the file's DICOM file meta information has something else than a UID")
    return found


def is_uid(text: str) -> bool:
    """Tell whether text is a UID: numbers with dots between, 64 characters at most (PS3.5, 9.1)."""
    return len(text) <= _UID_LENGTH and _UID.fullmatch(text) is not None
