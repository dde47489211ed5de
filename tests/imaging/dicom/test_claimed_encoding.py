"""DICOM files whose frames are not as their header says, or not of its transfer syntax."""

import re
from pathlib import Path

import pytest
from cases import (
    COLUMNS,
    PICTURE,
    ROWS,
    claiming,
    described,
    framed,
    items,
    jpeg,
    samples,
    shows_the_picture,
    with_stray_bytes,
)
from compression import BY_KEYWORD, PACKED, compressed, encoded, frame_of, reframed
from dicoms import Make, saved
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from cxr_edge.errors import Corrupt, ImageError
from cxr_edge.imaging.decode import decode

NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]


@pytest.mark.parametrize("marker", [0xDB, 0xC0, 0xC4, 0xDA])
def test_stray_bytes_in_a_frame_are_stepped_over(make: Make, marker: int) -> None:
    """A JPEG frame with bytes between its segments is read as the file of it is."""
    frame = with_stray_bytes(jpeg(PICTURE), marker, bytes(5))
    dataset = make(**described(PICTURE, 8))
    assert shows_the_picture(decode(reframed(dataset, JPEGBaseline8Bit, frame)), tolerance=4)


@pytest.mark.parametrize("syntax", NATIVE, **BY_KEYWORD)
def test_items_under_a_native_syntax_are_refused(make: Make, syntax: UID) -> None:
    """Bytes of an encapsulation are not shown as the first pixels."""
    pixels = samples(12).astype("<u2").tobytes()
    dataset = make(**described(samples(12), 12))
    dataset.PixelData = items(b"", pixels)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = b"\xff\xfe\xe0\x00" + dataset.PixelData[4:]
    with pytest.raises(ImageError):
        decode(saved(dataset, syntax))


def test_a_codestream_under_a_native_syntax_is_refused(make: Make, tmp_path: Path) -> None:
    """A compressed frame is not shown as if it were pixels."""
    frame = frame_of(compressed(make(**described(samples(12), 12)), JPEG2000Lossless, tmp_path))
    dataset = framed(
        make(**described(samples(12), 12)), items(b"", frame + bytes(ROWS * COLUMNS * 2))
    )
    with pytest.raises(ImageError):
        decode(saved(dataset, ExplicitVRLittleEndian))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("times", "reads"), [(1, True), (1.02, True), (1.5, False), (2, False)])
def test_much_more_than_the_header_needs_is_refused(make: Make, times: float, reads: bool) -> None:
    """Padding is allowed, but where most of the pixels are not described, none is shown."""
    dataset = make(**described(samples(12), 12))
    pixels = dataset.PixelData
    dataset.PixelData = pixels + bytes(2 * int(len(pixels) * (times - 1) / 2))
    if reads:
        assert shows_the_picture(decode(saved(dataset)))
        return
    with pytest.raises(Corrupt, match="promises 6144 bytes"):
        decode(saved(dataset))


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, *PACKED, RLELossless], **BY_KEYWORD)
def test_a_wrong_transfer_syntax_is_told_in_words(make: Make, syntax: UID) -> None:
    """Bare pixels under a compressed syntax, and a frame of another one, fail in plain words."""
    bare = make(**described(samples(12), 12))
    other = jpeg(PICTURE) if syntax == JPEG2000Lossless else b"\xff\x4f\xff\x51" + bytes(99)
    for data in (
        claiming(saved(bare), syntax),
        reframed(make(**described(PICTURE, 8)), syntax, other),
    ):
        with pytest.raises(ImageError) as raised:
            decode(data)
        assert not re.search(r"Error|Exception", str(raised.value))


def test_a_table_for_one_frame_is_not_needed(make: Make, tmp_path: Path) -> None:
    """A Basic Offset Table that points anywhere does not lose a single frame, cut or whole."""
    frame = frame_of(compressed(make(**described(samples(12), 12)), JPEG2000Lossless, tmp_path))
    for table in (b"", bytes(4), b"\x40\xe2\x01\0", bytes(4) + b"\x07\0\0\0", b"abc\0ef"):
        for parts in ([frame], [frame[:100], frame[100:]]):
            dataset = framed(make(**described(samples(12), 12)), items(table, *parts))
            assert shows_the_picture(decode(saved(dataset, JPEG2000Lossless)))


def test_a_table_for_as_many_fragments_as_frames_is_not_needed(make: Make, tmp_path: Path) -> None:
    """The first fragment is the first frame, whatever the table says."""
    frame = frame_of(compressed(make(**described(samples(12), 12)), JPEG2000Lossless, tmp_path))
    dataset = make(**described(samples(12), 12, NumberOfFrames=2))
    framed(dataset, items(b"\x01\0\0\0\x02\0\0\0", frame, frame))
    assert shows_the_picture(decode(saved(dataset, JPEG2000Lossless)))


def test_encoding_with_a_helper_is_the_image(make: Make, tmp_path: Path) -> None:
    """The picture of these tests is read in the plain case too."""
    dataset = make(**described(samples(12), 12))
    for syntax in (*PACKED, RLELossless):
        assert shows_the_picture(decode(encoded(dataset, syntax, tmp_path)))
