"""Files that are no image of a known format: what they are, by name and first bytes."""

import re
from typing import Final

from cxr_edge.imaging.sniff import Format, identify

LOOK_BYTES: Final = 512
"""First bytes of a file that the functions here need."""

_PACKED_SUFFIXES: Final = frozenset(
    {
        "7z", "bz2", "gz", "iso", "lz4", "lzma", "rar", "tar", "tbz2", "tgz", "txz", "xz", "zip",
        "zst",
    }
)  # fmt: skip
"""Suffixes of archives and compressed files, without the dot."""

_PACKED: Final = (
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (257, b"ustar", "tar"),
)
"""Offset, first bytes and name of packed files."""

_NO_IMAGES: Final = (
    b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe",
    b"%PDF-", b"SQLite format 3\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
)  # fmt: skip
"""First bytes of programs, PDF, databases and office documents."""

_DIRECTORY: Final = b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"
"""Media Storage SOP Class UID of a DICOM file set's directory (PS3.10, 7.1 and 8.6)."""

_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")
"""Bytes that text does not have; tab, line ends, escape and the end mark of DOS are left out."""

_ASCII_SHARE: Final = 0.75
"""Least share of ASCII in text that is not UTF-8."""


def is_packed(name: str) -> bool:
    """Tell whether a file is an archive or compressed, by its name: ``a.zip``, ``b.dcm.gz``."""
    return not _PACKED_SUFFIXES.isdisjoint(name.lower().split(".")[1:])


def is_no_image(name: str, head: bytes) -> bool:
    """Tell whether a file is certainly no image: text, a program, the directory of a DICOM disc.

    Parameters
    ----------
    name
        Name of the file.
    head
        First :data:`LOOK_BYTES` of it.
    """
    kind = identify(head)
    if kind is Format.DICOM:
        return name.upper() == "DICOMDIR" or _DIRECTORY in head
    return kind is None and (head.startswith(_NO_IMAGES) or _is_text(head))


def kind_of_packed(head: bytes) -> str:
    """Return the kind of an archive or compressed file by its first bytes; empty for all others."""
    kinds = (name for at, magic, name in _PACKED if head[at : at + len(magic)] == magic)
    return next(kinds, "")


def kind_of_content(head: bytes) -> str:
    """Return the kind of a file that is no image, for a message: ``a program or document``."""
    if packed := kind_of_packed(head):
        return f"a {packed} file; unpack it and scan what is in it"
    if head.startswith(_NO_IMAGES):
        return "a program or document"
    return "text" if _is_text(head) else "something else"


def _is_text(head: bytes) -> bool:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16
        head = head[2 : len(head) // 2 * 2].replace(b"\0", b"")
    elif _is_utf8(head):
        return bool(head) and not _CONTROLS.search(head)
    ascii_count = sum(byte < 0x80 for byte in head)
    return 0 < ascii_count >= _ASCII_SHARE * len(head) and not _CONTROLS.search(head)


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as exc:
        return len(head) == LOOK_BYTES and exc.start > LOOK_BYTES - 4  # the last letter is cut off
    return True
