"""The one DICOM object in an answer of WADO-RS, which wraps it in multipart/related."""

import re
from email.message import Message
from typing import Final

DICOM: Final = "application/dicom"
"""Media type of a DICOM object."""

_HEADER: Final = 1 << 16
"""Bytes at the start of a DICOM file that have its UID."""


def object_in(content_type: str, body: bytes) -> bytes:
    """Return the bytes of the one object in an answer.

    Parameters
    ----------
    content_type
        Header of that name. An answer of ``application/dicom`` is the object itself, PS3.18 8.7.4.
    body
        Body of the answer.

    Raises
    ------
    EOFError
        The body ends before its last boundary.
    ValueError
        The answer has another media type, or several objects; the text says which.
    """
    header = Message()
    header["Content-Type"] = content_type
    kind, boundary = header.get_content_type(), header.get_boundary()
    if kind == DICOM:
        return body
    if kind != "multipart/related" or not boundary:
        raise ValueError("expected a DICOM object from the server, got something else")
    mark = b"--" + boundary.encode("latin-1", "replace")
    begin = body.find(b"\r\n\r\n", max(0, body.find(mark)))
    end = body.rfind(b"\r\n" + mark + b"--")
    if begin < 0 or end < begin:
        raise EOFError
    found = body[begin + 4 : end]
    if b"\r\n" + mark in found:
        raise ValueError("expected one DICOM object from the server, got several")
    return found


def is_another(found: bytes, instance: str) -> bool:
    """Tell whether a DICOM file has not the UID of an instance where its header begins."""
    named = rb"(?<![0-9.])" + re.escape(instance.encode()) + rb"(?![0-9.])"
    return found[128:132] == b"DICM" and not re.search(named, found[:_HEADER])
