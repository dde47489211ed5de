"""Facts about a file from its first bytes and its header; no pixel is decoded."""

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cxr_edge.errors import (
    Corrupt,
    EmptyFile,
    ImageError,
    NotAnImage,
    TooLarge,
    Unreadable,
    UnsupportedFormat,
)
from cxr_edge.imaging.headers.read import read_header
from cxr_edge.imaging.image import check_size
from cxr_edge.imaging.sniff import HEAD_BYTES, SUFFIXES, Format, identify
from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.read_file import MAX_BYTES, read_file


@dataclass(frozen=True)
class FileFacts:
    """Facts about one file; what is unknown is 0 or empty."""

    size: int = 0
    """Size in bytes."""
    format: str = ""
    """Format as in the report."""
    syntax: str = ""
    """Keyword of the transfer syntax, if it is DICOM."""
    polarity: str = ""
    """Photometric interpretation if it is DICOM; else ``black-is-zero``, ``white-is-zero`` or
    ``color``."""
    bits: int = 0
    """Bits stored per sample."""
    width: int = 0
    """Columns."""
    height: int = 0
    """Rows."""
    frames: int = 1
    """Frames, if it is DICOM."""
    multi_frame: bool = False
    """Whether it has more than one frame or page."""
    mislabelled: bool = False
    """Whether its suffix is that of another format."""
    reason: str = ""
    """Reason in the report of a scan, as far as the header tells; empty if it tells none."""


def examine(path: str | Path, storage: Storage = LOCAL) -> FileFacts:
    """Read a file's header without waiting for a pipe; never raises an ImageError.

    Parameters
    ----------
    path
        File, or whatever took its place meanwhile.
    storage
        Storage that it is in.
    """
    path = str(path)
    facts = FileFacts()
    try:
        with storage.open(path) as file:
            facts = _of_first_bytes(path, file)
            if not facts.reason:
                facts = _of_header(path, storage, file, facts)
        check_size(facts.width, facts.height, facts.frames)
    except OSError:
        return replace(facts, reason=Unreadable.reason)
    except ImageError as error:
        return replace(facts, reason=facts.reason or error.reason)
    except Exception:  # noqa: BLE001  (one file's unforeseen error does not end the others)
        return replace(facts, reason=Corrupt.reason)
    return facts


def _of_first_bytes(path: str, file: BinaryIO) -> FileFacts:
    """Return the format, and what can be said without reading on; leave the file at its start."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    kind = identify(file.read(HEAD_BYTES))
    file.seek(0)
    return FileFacts(
        size=size,
        format=kind or "",
        mislabelled=kind is not None and not _is_promised(path, kind),
        reason=_reason(size, kind),
    )


def _is_promised(path: str, kind: Format) -> bool:
    promised = SUFFIXES.get(PurePosixPath(path).suffix.lower(), kind)
    return promised is kind or (promised, kind) == (Format.TIFF, Format.BIGTIFF)


def _reason(size: int, kind: Format | None) -> str:
    """Return why a scan reads no further; empty if it does."""
    if not size:
        return EmptyFile.reason
    if size > MAX_BYTES:
        return TooLarge.reason
    if kind is None:
        return NotAnImage.reason
    read = (Format.JPEG, Format.PNG, Format.TIFF, Format.BMP, Format.DICOM)
    return "" if kind in read else UnsupportedFormat.reason


def _of_header(path: str, storage: Storage, file: BinaryIO, facts: FileFacts) -> FileFacts:
    if facts.format == Format.DICOM:
        return _of_dicom_header(file, facts)
    header = read_header(read_file(path, storage), Format(facts.format))
    gray = "white-is-zero" if header.white_is_zero else "black-is-zero"
    return replace(
        facts,
        polarity="color" if header.color else gray,
        bits=header.bits,
        width=header.width,
        height=header.height,
        multi_frame=header.pages > 1,
    )


def _of_dicom_header(file: BinaryIO, facts: FileFacts) -> FileFacts:
    from cxr_edge.imaging.dicom.header import read_dicom_header  # pydicom is loaded for DICOM alone

    header = read_dicom_header(file, facts.size)
    return replace(
        facts,
        syntax=header.syntax,
        polarity=header.photometric,
        bits=header.bits,
        width=header.width,
        height=header.height,
        frames=header.frames,
        multi_frame=header.frames > 1,
        reason=header.trouble.reason if header.trouble else "",
    )
