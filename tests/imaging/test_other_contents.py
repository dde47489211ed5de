"""Files that are no image of a known format."""

import pytest

from cxr_edge.imaging.other_contents import is_no_image, is_packed, kind_of_content

DIRECTORY = (
    bytes(128) + b"DICM\x02\0\0\0UL\x04\0\xc8\0\0\0\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01"
    b"\x02\0\x02\0UI\x14\x001.2.840.10008.1.3.10"
)
IMAGE = DIRECTORY.replace(b"1.3.10", b"5.1.1.")


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("README", b"Images of one patient.\r\nOpen viewer.exe\r\n"),
        ("LIESMICH", "Röntgenbilder für Ärzte\n".encode("latin-1")),
        ("LIESMICH", "Röntgenbilder für Ärzte".encode() * 30),
        ("VERSION", "1.0\r\n".encode("utf-16")),
        ("Viewer", b"\xcf\xfa\xed\xfe\x07\0\0\x01"),
        ("viewer", b"\x7fELF\x02\x01\x01\0"),
        ("letter", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"),
        ("DICOMDIR", DIRECTORY),
        ("copy-of-dicomdir", DIRECTORY),
        ("dicomdir", IMAGE),
    ],
)
def test_what_lies_on_a_disc_beside_the_images_is_known(name: str, head: bytes) -> None:
    """Text, programs and the list of the disc's files need no row."""
    assert is_no_image(name, head[:512])


@pytest.mark.parametrize(
    "head",
    [
        b"",  # a copy that was broken off
        bytes(512),
        b"\xff" * 512,
        b"\xff" * 3,
        b"\xff\xfe" + bytes(range(128, 256)),
        b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100",
        IMAGE,
        b"P2\n# drawn\n2 2\n255\n0 1 2 3\n",
        b"PK\x03\x04\x14\0\0\0",
    ],
)
def test_what_may_be_an_image_is_no_text(head: bytes) -> None:
    """Damage, other formats and packed files without a suffix get their rows."""
    assert not is_no_image("IM0001", head)


def test_packed_files_are_known_by_name() -> None:
    """In any case, and in parts."""
    for name in ("a.zip", "A.ZIP", "IM1.dcm.gz", "b.tar.xz", "c.zip.001", "1.2.840.7z"):
        assert is_packed(name)
    for name in ("zip", "a.zipper", "gz.txt", "IM1.dcm", ""):
        assert not is_packed(name)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"PK\x03\x04", "a zip file; unpack it"),
        (b"\x1f\x8b\x08", "a gzip file; unpack it"),
        (bytes(257) + b"ustar\x00", "a tar file; unpack it"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7z file; unpack it"),
        (b"Rar!\x1a\x07\x01\x00", "a rar file; unpack it"),
        (b"\x7fELF", "a program"),
        (b"some words", "text"),
        (bytes(20), "something else"),
    ],
)
def test_a_failed_row_says_what_the_file_is(head: bytes, words: str) -> None:
    """The user learns what to do about it."""
    assert kind_of_content(head).startswith(words)
