"""A note in a PNG file that says from what it was made (PNG specification, tEXt)."""

import struct
import zlib
from pathlib import Path
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = len(_SIGNATURE) + 25
"""Bytes of the signature and the first chunk, which has a fixed length."""
_KEYWORD: Final = b"cxr-edge\0"
_FRAME: Final = struct.Struct(">I4s")
"""Length of a chunk and its type, before its content."""


def with_note(data: bytes, note: str) -> bytes:
    """Return the bytes of a PNG file with a note, in ASCII, behind its header."""
    content = _KEYWORD + note.encode("ascii")
    chunk = _FRAME.pack(len(content), b"tEXt") + content
    checksum = struct.pack(">I", zlib.crc32(chunk[4:]))
    return data[:_HEADER] + chunk + checksum + data[_HEADER:]


def has_note(path: Path, note: str) -> bool:
    """Tell whether a file is a PNG with just this note; False where it cannot be read."""
    wanted = with_note(b"", note)
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER + len(wanted))
    except OSError:
        return False
    return start.startswith(_SIGNATURE) and start[_HEADER:] == wanted


def is_noted(path: Path) -> bool:
    """Tell whether a file is a PNG with a note of cxr-edge; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER + _FRAME.size + len(_KEYWORD))
    except OSError:
        return False
    return start.startswith(_SIGNATURE) and start.endswith(b"tEXt" + _KEYWORD)
