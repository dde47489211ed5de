"""What a file's first bytes and header tell of it; no pixel is decoded."""

from dataclasses import dataclass, replace
from pathlib import Path

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
from cxr_edge.storage.read_file import MAX_BYTES, read_file


@dataclass(frozen=True)
class FileFacts:
    """One file; what is not known is 0 or empty."""

    size: int = 0
    """Bytes."""
    format: str = ""
    """As in the report."""
    syntax: str = ""
    """Of DICOM: keyword of the transfer syntax."""
    polarity: str = ""
    """Of DICOM the photometric interpretation; of others ``black-is-zero``, ``white-is-zero`` or
    ``color``."""
    bits: int = 0
    """Bits a sample that are stored."""
    width: int = 0
    """Columns."""
    height: int = 0
    """Rows."""
    frames: int = 1
    """Of DICOM."""
    several: bool = False
    """More than one page or frame."""
    mislabelled: bool = False
    """The suffix is another format's."""
    reason: str = ""
    """The reason in the report of a scan, as far as the header tells; empty where it tells none."""


def examine(path: Path) -> FileFacts:
    """Read a file's header; never raises an ImageError."""
    facts = FileFacts()
    try:
        facts = _begin(path)
        facts = _with_header(path, facts)
        check_size(facts.width, facts.height, facts.frames)
    except ImageError as error:
        return replace(facts, reason=facts.reason or error.reason)
    except Exception:  # noqa: BLE001  (one file's unforeseen trouble does not end the others)
        return replace(facts, reason=Corrupt.reason)
    return facts


def _begin(path: Path) -> FileFacts:
    """Return the format by the first bytes, and what can be said without reading on."""
    try:
        if not path.is_file():
            raise Unreadable("expected a regular file, it is gone or something else")
        size = path.stat().st_size
        with path.open("rb") as file:
            kind = identify(file.read(HEAD_BYTES))
    except OSError as exc:
        raise Unreadable(f"the file cannot be read: {exc.strerror or exc}") from exc
    return FileFacts(
        size=size,
        format=kind or "",
        mislabelled=kind is not None and not _is_promised(path, kind),
        reason=_reason(size, kind),
    )


def _is_promised(path: Path, kind: Format) -> bool:
    promised = SUFFIXES.get(path.suffix.lower(), kind)
    return promised is kind or (promised, kind) == (Format.TIFF, Format.BIGTIFF)


def _reason(size: int, kind: Format | None) -> str:
    """Return why a scan reads no further; empty where it does."""
    if not size:
        return EmptyFile.reason
    if size > MAX_BYTES:
        return TooLarge.reason
    if kind is None:
        return NotAnImage.reason
    read = (Format.JPEG, Format.PNG, Format.TIFF, Format.BMP, Format.DICOM)
    return "" if kind in read else UnsupportedFormat.reason


def _with_header(path: Path, facts: FileFacts) -> FileFacts:
    if facts.reason:
        return facts
    if facts.format == Format.DICOM:
        return _with_dicom(path, facts)
    header = read_header(read_file(path), Format(facts.format))
    gray = "white-is-zero" if header.white_is_zero else "black-is-zero"
    return replace(
        facts,
        polarity="color" if header.color else gray,
        bits=header.bits,
        width=header.width,
        height=header.height,
        several=header.pages > 1,
    )


def _with_dicom(path: Path, facts: FileFacts) -> FileFacts:
    from cxr_edge.imaging.dicom.header import read_dicom_header  # pydicom is loaded for DICOM alone

    try:
        with path.open("rb") as file:
            header = read_dicom_header(file, facts.size)
    except OSError as exc:
        raise Unreadable(f"the file cannot be read: {exc.strerror or exc}") from exc
    return replace(
        facts,
        syntax=header.syntax,
        polarity=header.photometric,
        bits=header.bits,
        width=header.width,
        height=header.height,
        frames=header.frames,
        several=header.frames > 1,
        reason=header.trouble.reason if header.trouble else "",
    )
