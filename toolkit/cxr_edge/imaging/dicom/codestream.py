"""The header of a compressed frame, checked before a decoder sees it."""

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from cxr_edge.errors import Corrupt, Truncated
from cxr_edge.imaging.headers.jpeg import (
    JPEG_LS_MARKER,
    SOS_MARKER,
    jpeg_segments,
    without_stray_bytes,
)
from cxr_edge.imaging.headers.jpeg_frame import jpeg_frame

_JPEG: Final = b"\xff\xd8"
_J2K: Final = b"\xff\x4f\xff\x51"
_END: Final = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike
_SEQUENTIAL: Final = (0xC0, 0xC1)  # baseline and extended
_WHOLE_SCAN: Final = b"\x00\x3f\x00"
_RLE_HEAD: Final = 64


class Coding(StrEnum):
    """Ways in which a frame is compressed, as its first markers tell."""

    JPEG = "JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"


@dataclass(frozen=True)
class Codestream:
    """Facts that a compressed frame tells about itself."""

    size: tuple[int, int, int]
    """(rows, columns, samples per pixel)."""
    bits: int
    """Bits per sample."""
    signed: bool | None
    """Whether samples may be below zero; None where the format does not tell."""
    coding: Coding
    """Way in which it is compressed."""
    color: Literal["RGB", "YBR_FULL"] | None = None
    """Color of a JPEG's samples where it tells, whatever was done to them before."""


def check_codestream(frame: bytes, expected: tuple[int, int, int]) -> Codestream:
    """Refuse a JPEG, JPEG-LS or JPEG 2000 frame that is cut or of another size than its header's.

    A decoder believes the frame, not the DICOM header: a few bytes that promise 65535 x 65535
    pixels would cost gigabytes.

    Parameters
    ----------
    frame
        All bytes of the frame.
    expected
        (rows, columns, samples per pixel) by the DICOM header.

    Returns
    -------
    Codestream
        Facts about the frame.

    Raises
    ------
    Truncated
        The frame has no end marker, or ends within its header.
    Corrupt
        The frame is none of the three formats, or has another size.
    """
    try:
        found = _jpeg_facts(frame) if frame[:2] == _JPEG else _j2k_facts(frame)
    except (struct.error, IndexError) as exc:
        raise Truncated(
            f"the compressed frame ends within its header ({len(frame)} bytes)"
        ) from exc
    if found.size != expected:
        raise Corrupt(
            f"the DICOM header says {_across(expected, found.size)}, the compressed image "
            f"{_across(found.size, expected)}; the file is damaged: get it again from its source"
        )
    if _END not in frame:
        raise Truncated(f"the compressed frame has no end marker ({len(frame)} bytes)")
    return found


def repaired(frame: bytes) -> bytes:
    """Return a frame that decoders read.

    Some writers put 0 for the last coefficient of a sequential JPEG scan, which can only be 63
    (ISO/IEC 10918-1, table B.3), or stray bytes between the segments. The scan is complete all the
    same, but decoders refuse it. Others put JPEG 2000 into the boxes of a file, against PS3.5
    A.4.4. :func:`check_codestream` accepts the frame.
    """
    if frame[:2] != _JPEG:
        return frame[_codestream(frame) :]
    sequential, frame = False, without_stray_bytes(frame)
    for marker, _, end in jpeg_segments(frame):
        sequential = sequential or marker in _SEQUENTIAL
        if marker == SOS_MARKER:
            return frame[: end - 3] + _WHOLE_SCAN + frame[end:] if sequential else frame
    return frame


def check_rle(frame: bytes, pixels: int, planes: int) -> None:
    """Refuse an RLE frame, PS3.5 Annex G, that unpacks to less than its image or to much more.

    Parameters
    ----------
    frame
        All bytes of the frame.
    pixels
        Count of pixels.
    planes
        Bytes per pixel; each plane of bytes is a segment.

    Raises
    ------
    Truncated
        A segment is too short.
    Corrupt
        There is another count of segments, or one is more than twice too long.
    """
    if len(frame) < _RLE_HEAD:
        raise Truncated(f"the RLE frame ends within its header ({len(frame)} bytes)")
    count, *starts = struct.unpack_from("<16I", frame)
    if count != planes:
        raise Corrupt(f"expected {planes} RLE segments, got {count}")
    ends = [*starts[1:count], len(frame)]
    for start, end in zip(starts[:count], ends, strict=True):
        length = _unpacked(frame[start:end], 2 * pixels)
        if length < pixels:
            raise Truncated(f"an RLE segment unpacks to {length} of {pixels} bytes")
        if length > 2 * pixels:
            raise Corrupt(f"an RLE segment unpacks to over {2 * pixels} bytes, expected {pixels}")


def _unpacked(segment: bytes, enough: int) -> int:
    """Return the bytes that a segment unpacks to, or any number above ``enough``."""
    at = length = 0
    while at < len(segment) and length <= enough:
        head = segment[at]
        if head < 128:  # head + 1 bytes follow
            length += min(head + 1, len(segment) - at - 1)
            at += head + 2
        elif head == 128:  # padding
            at += 1
        else:  # one byte, repeated
            length += 257 - head if at + 1 < len(segment) else 0
            at += 2
    return length


def _across(size: tuple[int, int, int], other: tuple[int, int, int]) -> str:
    """Return a size in words; the samples per pixel are told where they differ from another's."""
    rows, columns, samples = size
    pixels = f"{columns} x {rows} pixels"
    if samples == other[2]:
        return pixels
    return f"{pixels} of {samples} sample{'s' * (samples != 1)}"


def _jpeg_facts(data: bytes) -> Codestream:
    frame = jpeg_frame(data)
    coding = Coding.JPEG_LS if frame.marker == JPEG_LS_MARKER else Coding.JPEG
    size = (frame.rows, frame.columns, frame.samples)
    return Codestream(size, frame.bits, None, coding, frame.color)


def _j2k_facts(frame: bytes) -> Codestream:
    """ISO/IEC 15444-1, A.5.1."""
    at = _codestream(frame)
    if frame[at : at + 4] != _J2K:
        raise Corrupt("the compressed frame is neither JPEG nor JPEG 2000")
    right, bottom, left, top = struct.unpack_from(">IIII", frame, at + 8)
    (samples,) = struct.unpack_from(">H", frame, at + 40)
    depths = {frame[at + 42 + 3 * index] for index in range(samples)}
    if len(depths) != 1:
        raise Corrupt("the compressed frame has samples of different depths")
    depth = depths.pop()
    size = (bottom - top, right - left, samples)
    return Codestream(size, (depth & 0x7F) + 1, bool(depth >> 7), Coding.JPEG_2000)


def _codestream(frame: bytes) -> int:
    """Return where the codestream starts: a JP2 file around it breaks DICOM's rules, but occurs."""
    at = 0
    if frame[4:8] == b"jP  ":
        kind = b""
        while kind != b"jp2c":  # ISO/IEC 15444-1, I.4
            length, kind = struct.unpack_from(">I4s", frame, at)
            head = 8
            if length == 1:
                (length,) = struct.unpack_from(">Q", frame, at + 8)
                head = 16
            at += head if kind == b"jp2c" else max(length, head)
    return at
