"""DICOM headers whose claims are not what the pixels are."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
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
    shifted_lut,
    shows_the_picture,
    with_stray_bytes,
    without_markers,
)
from compression import compressed, encoded, frame_of, reframed
from dicoms import Make, saved
from numpy.typing import NDArray
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cxr_edge.errors import Corrupt, ImageError
from cxr_edge.imaging.decode import decode

NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
PACKED = [JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless]
by_keyword = {"ids": lambda uid: uid.keyword}


@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize("held", [8, 10, 12, 14])
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_a_table_is_as_deep_as_its_entries(make: Make, sequence: str, held: int, kind: str) -> None:
    """A table that claims 16 bits and uses fewer is shown by those, and flagged."""
    stored = samples(12) if kind == "MONOCHROME2" else 4095 - samples(12)
    attributes = described(stored, 12) | {sequence: [shifted_lut(12, held)]}
    decoded = decode(saved(make(photometric=kind, **attributes)))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("fewer-bits",)


@pytest.mark.parametrize(("claimed", "used"), [(16, 12), (15, 12), (14, 12), (13, 10), (12, 10)])
@pytest.mark.parametrize("type_", [np.uint16, np.int16], ids=["unsigned", "signed"])
def test_bits_that_are_not_used_do_not_darken(
    make: Make, claimed: int, used: int, type_: type
) -> None:
    """Only the bits in use count, of 9 to 16 that are stored, and a sign without use is dropped."""
    decoded = decode(saved(make(**described(samples(used).astype(type_), claimed))))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("fewer-bits",)


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("used", [10, 12])
def test_bits_of_color_that_are_not_used_do_not_darken(make: Make, kind: str, used: int) -> None:
    """The same holds for color of 16 bits."""
    gray = samples(used)
    chroma = gray if kind == "RGB" else np.full_like(gray, 1 << used - 1)
    stored = np.dstack([gray, chroma, chroma])
    attributes = described(stored, 16, PlanarConfiguration=0)
    decoded = decode(saved(make(photometric=kind, **attributes)))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("color", "fewer-bits")


def test_all_bits_are_used_without_a_flag(make: Make) -> None:
    """An image that uses the bits it claims is shown by their range, whatever they are."""
    for bits in (9, 11, 13, 15):
        decoded = decode(saved(make(**described(samples(bits), bits))))
        assert shows_the_picture(decoded)
        assert decoded.source.flags == ()


def marked(bits: int) -> NDArray[np.uint16]:
    stored = samples(bits)
    stored[:3, :5] = 65535
    return stored


@pytest.mark.parametrize(
    ("stored", "claimed", "window"),
    [
        (PICTURE, 8, {"WindowCenter": 2048, "WindowWidth": 4096}),
        (samples(10), 16, {"WindowCenter": 32768, "WindowWidth": 65536}),
        (marked(12), 16, {}),
        (2000 + PICTURE.astype(np.uint16) // 2, 12, {}),
        (samples(12), 12, {"WindowCenter": 3900, "WindowWidth": 100}),
        (samples(12), 12, {"WindowCenter": 60, "WindowWidth": 100}),
    ],
    ids=["window-of-12-on-8", "window-of-16-on-10", "marker", "narrow", "black", "white"],
)
def test_an_image_that_shows_little_says_so(
    make: Make, stored: NDArray[Any], claimed: int, window: dict[str, int]
) -> None:
    """An image that is nearly of one gray, or nearly all black or white, is flagged."""
    decoded = decode(saved(make(**described(stored, claimed, **window))))
    assert decoded.source.flags == ("low-contrast",)


@pytest.mark.parametrize("planar", [0, 1, None])
@pytest.mark.parametrize("syntax", [*PACKED, RLELossless], **by_keyword)
def test_planes_have_no_order_in_compressed_frames(
    make: Make, tmp_path: Path, syntax: UID, planar: int | None
) -> None:
    """PS3.3 C.7.6.3.1.3: what the header says of planes does not change a compressed image."""
    color = np.dstack([PICTURE, PICTURE[::-1], 255 - PICTURE])
    dataset = make(photometric="RGB", **described(color, 8, PlanarConfiguration=0))
    expected = decode(saved(dataset)).pixels
    packed = compressed(dataset, syntax, tmp_path)
    packed.PlanarConfiguration = planar
    np.testing.assert_allclose(decode(saved(packed, syntax)).pixels, expected, atol=1)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("sampling", [0x111111, 0x211111, 0x221111])
def test_planes_have_no_order_in_jpeg(make: Make, sampling: int, planar: int) -> None:
    """The same holds for JPEG, whether color is subsampled or not."""
    frame = jpeg(np.dstack([PICTURE] * 3), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
    attributes = described(np.dstack([PICTURE] * 3), 8, PlanarConfiguration=planar)
    dataset = make(photometric="YBR_FULL_422", **attributes)
    assert shows_the_picture(decode(reframed(dataset, JPEGBaseline8Bit, frame)), tolerance=4)


@pytest.mark.parametrize("sampling", [0x111111, 0x211111])
def test_luma_that_says_rgb_is_luma(make: Make, sampling: int) -> None:
    """YCbCr in a JPEG without a marker that tells is no RGB, whatever the header says."""
    frame = jpeg(np.dstack([PICTURE] * 3), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
    attributes = described(np.dstack([PICTURE] * 3), 8, PlanarConfiguration=0)
    dataset = make(photometric="RGB", **attributes)
    decoded = decode(reframed(dataset, JPEGBaseline8Bit, without_markers(frame)))
    assert shows_the_picture(decoded, tolerance=4)


@pytest.mark.parametrize("marker", [0xDB, 0xC0, 0xC4, 0xDA])
def test_stray_bytes_in_a_frame_are_stepped_over(make: Make, marker: int) -> None:
    """A JPEG frame with bytes between its segments is read as the file of it is."""
    frame = with_stray_bytes(jpeg(PICTURE), marker, bytes(5))
    dataset = make(**described(PICTURE, 8))
    assert shows_the_picture(decode(reframed(dataset, JPEGBaseline8Bit, frame)), tolerance=4)


@pytest.mark.parametrize("syntax", PACKED, **by_keyword)
@pytest.mark.parametrize(("depth", "claimed"), [(12, 10), (12, 14), (10, 12), (12, 16), (16, 12)])
def test_the_codestream_knows_its_depth(
    make: Make, tmp_path: Path, syntax: UID, depth: int, claimed: int
) -> None:
    """Bits Stored that contradicts a codestream whose values need its depth is not believed."""
    packed = compressed(make(**described(samples(depth), depth)), syntax, tmp_path)
    packed.BitsStored, packed.HighBit = claimed, claimed - 1
    assert shows_the_picture(decode(saved(packed, syntax)))


@pytest.mark.parametrize("syntax", PACKED, **by_keyword)
def test_a_deeper_codestream_is_no_darker_image(make: Make, tmp_path: Path, syntax: UID) -> None:
    """An encoder that writes 16 bits for the 12 that are stored darkens nothing."""
    packed = compressed(make(**described(samples(12), 16)), syntax, tmp_path)
    packed.BitsStored, packed.HighBit = 12, 11
    decoded = decode(saved(packed, syntax))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ()


@pytest.mark.parametrize("syntax", PACKED, **by_keyword)
def test_8_bits_in_16_allocated_are_read(make: Make, tmp_path: Path, syntax: UID) -> None:
    """Frames of 8 bits under a header that allocates 16 are read."""
    packed = compressed(make(**described(PICTURE, 8)), syntax, tmp_path)
    packed.BitsAllocated = 16
    assert shows_the_picture(decode(saved(packed, syntax)))


@pytest.mark.parametrize("claimed", [0, 1])
@pytest.mark.parametrize("encoded_as", [0, 1])
@pytest.mark.parametrize("lowest", [0, -2048])
def test_the_sign_of_jpeg_2000_is_that_of_its_values(
    make: Make, tmp_path: Path, claimed: int, encoded_as: int, lowest: int
) -> None:
    """Whether codestream or header is right about the sign, no value jumps to the other end."""
    meant = samples(12).astype(np.int16) + lowest
    bits = meant if encoded_as else meant & 0xFFF
    if encoded_as:
        bits = ((bits & 0xFFF) ^ 0x800) - 0x800
    stored = bits.astype(np.int16 if encoded_as else np.uint16)
    packed = compressed(make(**described(stored, 12)), JPEG2000Lossless, tmp_path)
    packed.PixelRepresentation = claimed
    decoded = decode(saved(packed, JPEG2000Lossless))
    if claimed != encoded_as or (lowest < 0) == bool(encoded_as):
        assert shows_the_picture(decoded)


@pytest.mark.parametrize("syntax", PACKED, **by_keyword)
def test_another_count_of_channels_is_refused(make: Make, tmp_path: Path, syntax: UID) -> None:
    """One channel is not taken for three."""
    packed = compressed(make(**described(PICTURE, 8)), syntax, tmp_path)
    packed.SamplesPerPixel, packed.PhotometricInterpretation = 3, "RGB"
    packed.PlanarConfiguration = 0
    with pytest.raises(Corrupt, match="of 3 samples"):
        decode(saved(packed, syntax))


@pytest.mark.parametrize("syntax", NATIVE, **by_keyword)
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


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, *PACKED, RLELossless], **by_keyword)
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
