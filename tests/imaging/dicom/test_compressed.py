"""Compressed DICOM images, encoded here."""

import contextlib
import re
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from compression import compressed, encoded, frame_of, reframed
from damage import flips, scan_of
from dicoms import CHANNELS, WINDOW, Make, color, gray, saved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    UID,
    AllTransferSyntaxes,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxr_edge.errors import (
    Corrupt,
    ImageError,
    NoPixelData,
    Truncated,
    UnsupportedCompression,
)
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.dicom.transfer_syntaxes import COMPRESSED

LOSSLESS = (RLELossless, JPEG2000Lossless, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless)
LOSSY = (JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)
FRAMED = (*LOSSLESS, *LOSSY)
JPEG_CODED = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)
JPEG_FAMILY = tuple(syntax for syntax in FRAMED if syntax != RLELossless)


def of_8_bits(make: Make) -> FileDataset:
    dataset = make(BitsAllocated=8, BitsStored=8, HighBit=7)
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") >> 4).astype(np.uint8).tobytes()
    return dataset


def fitting(make: Make, syntax: UID) -> FileDataset:
    """Return an image of the bits that a transfer syntax takes here."""
    return of_8_bits(make) if syntax == JPEGBaseline8Bit else make()


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.keyword)
def test_lossless_compression_changes_no_pixel(
    make: Make, tmp_path: Path, syntax: UID, photometric: str
) -> None:
    """An image is the same image in each transfer syntax without loss, window and polarity too."""
    dataset = make(photometric=photometric, **WINDOW)
    decoded = decode(encoded(dataset, syntax, tmp_path))
    plain = decode(saved(dataset))
    np.testing.assert_array_equal(decoded.pixels, plain.pixels)
    assert decoded.source.flags == plain.source.flags


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.keyword)
def test_signed_values_survive_compression(make: Make, tmp_path: Path, syntax: UID) -> None:
    """Values below zero come back as such."""
    dataset = make(PixelRepresentation=1, BitsStored=16, HighBit=15, WindowCenter=0)
    dataset.WindowWidth = 4096
    values = np.frombuffer(dataset.PixelData, "<u2").astype("<i2") - 2048
    dataset.PixelData = values.astype("<i2").tobytes()
    np.testing.assert_array_equal(decode(encoded(dataset, syntax, tmp_path)).pixels, gray(dataset))


@pytest.mark.parametrize("syntax", LOSSY, ids=lambda uid: uid.keyword)
def test_lossy_compression_is_near_and_flagged(make: Make, tmp_path: Path, syntax: UID) -> None:
    """A compression that loses a little looks the same, and says so."""
    dataset = fitting(make, syntax)
    image = compressed(dataset, syntax, tmp_path)
    image.LossyImageCompression = "01"
    decoded = decode(saved(image, syntax))
    assert np.abs(decoded.pixels.astype(int) - gray(dataset)).mean() < 2
    assert decoded.source.flags == ("lossy",)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless, JPEGLossless, JPEGLSLossless])
def test_compressed_color_becomes_luma(make: Make, tmp_path: Path, syntax: UID) -> None:
    """However color is packed, it weighs as in BT.601."""
    dataset = make(photometric="RGB", **color(np.kron(CHANNELS, np.ones((8, 8, 1), np.uint8))))
    decoded = decode(encoded(dataset, syntax, tmp_path))
    np.testing.assert_array_equal(decoded.pixels, gray(dataset))
    assert decoded.source.flags == ("color",)


def test_jpeg_color_is_read_as_its_luma(make: Make, image: NDArray[np.uint16]) -> None:
    """JPEG stores luma by itself, and that is what is taken."""
    luma = (image >> 8).astype(np.uint8)
    picture = np.dstack([luma, luma, luma])
    found, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    assert found
    dataset = make(photometric="YBR_FULL_422", **color(picture))
    decoded = decode(reframed(dataset, JPEGBaseline8Bit, data.tobytes()))
    np.testing.assert_allclose(decoded.pixels, luma, atol=3)
    assert decoded.source.flags == ("lossy",)


@pytest.mark.parametrize("table", [False, True])
def test_the_first_compressed_frame_is_read(make: Make, tmp_path: Path, *, table: bool) -> None:
    """A loop counts as its first frame, with a table of offsets and without."""
    frame = frame_of(compressed(make(), JPEG2000Lossless, tmp_path))
    dataset = make(NumberOfFrames=3)
    dataset.PixelData = encapsulate([frame, b"\xff\xd9" * 8, b"\xff\xd9" * 8], has_bot=table)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    decoded = decode(saved(dataset, JPEG2000Lossless))
    np.testing.assert_array_equal(decoded.pixels, gray(make()))
    assert decoded.source.flags == ("multi-frame",)


def test_a_frame_of_several_fragments_is_one(make: Make, tmp_path: Path) -> None:
    """A frame may be cut into pieces."""
    frame = frame_of(compressed(make(), JPEGLosslessSV1, tmp_path))
    dataset = make()
    dataset.PixelData = encapsulate([frame], fragments_per_frame=3)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    np.testing.assert_array_equal(decode(saved(dataset, JPEGLosslessSV1)).pixels, gray(make()))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", FRAMED, ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
def test_a_cut_compressed_file_is_truncated(
    make: Make, tmp_path: Path, syntax: UID, kept: float
) -> None:
    """A compressed image that was not copied to its end is told as that."""
    data = encoded(fitting(make, syntax), syntax, tmp_path)
    header = data.index(b"\xe0\x7f\x10\x00")
    with pytest.raises(Truncated):
        decode(data[: header + int((len(data) - header) * kept)])


@pytest.mark.parametrize("syntax", JPEG_FAMILY, ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_cut_frame_in_a_whole_file_is_truncated(
    make: Make, tmp_path: Path, syntax: UID, kept: float
) -> None:
    """Where an archive stored half a frame as a whole one, no half image gets a score."""
    dataset = fitting(make, syntax)
    frame = frame_of(compressed(dataset, syntax, tmp_path))
    with pytest.raises(Truncated):
        decode(reframed(dataset, syntax, frame[: int(len(frame) * kept)]))


@pytest.mark.parametrize("kept", [0.01, 0.1, 0.5, 0.9])
def test_a_cut_rle_frame_is_no_image(make: Make, tmp_path: Path, kept: float) -> None:
    """RLE has no end marker; what comes out too short is not filled up."""
    frame = frame_of(compressed(make(), RLELossless, tmp_path))
    with pytest.raises(Truncated):
        decode(reframed(make(), RLELossless, frame[: int(len(frame) * kept)]))


def test_a_file_without_frames_is_no_image(make: Make) -> None:
    """A compressed image with nothing but an offset table, or with an empty frame, is none."""
    item = b"\xfe\xff\x00\xe0" + bytes(4)
    for value in (item, item + item):
        dataset = make(PixelData=value)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        with pytest.raises((NoPixelData, Corrupt)):
            decode(saved(dataset, JPEG2000Lossless))


def bombs(make: Make, folder: Path) -> list[tuple[UID, bytes]]:
    """Return small frames that promise 65,535 x 65,535 pixels, under a header that does not."""
    side = struct.pack(">H", 65535)
    found = []
    for syntax in JPEG_FAMILY:
        dataset = fitting(make, syntax)
        frame = bytearray(frame_of(compressed(dataset, syntax, folder)))
        if frame[:2] == b"\xff\xd8":
            at = min(frame.find(bytes([0xFF, m])) for m in SOF if bytes([0xFF, m]) in frame)
            frame[at + 5 : at + 9] = side * 2
        else:
            frame[8:16] = struct.pack(">II", 65535, 65535)
        found.append((syntax, bytes(frame)))
    return found


SOF = (0xC0, 0xC1, 0xC3, 0xF7)


def test_a_frame_larger_than_its_header_is_not_decoded(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise inside a frame is held against the header's before a decoder sees it."""
    monkeypatch.setattr(
        "cxr_edge.imaging.dicom.frame.decode_frame", lambda *_: pytest.fail("decoded")
    )
    for syntax, frame in bombs(make, tmp_path):
        dataset = fitting(make, syntax)
        with pytest.raises(Corrupt, match="65535 x 65535"):
            decode(reframed(dataset, syntax, frame))


def test_a_jp2_file_as_frame_is_read(make: Make, tmp_path: Path) -> None:
    """A codestream in the boxes of a file, against the rules, is found where the boxes say."""
    frame = frame_of(compressed(make(), JPEG2000Lossless, tmp_path))
    decoy = b"\xff\x4f\xff\x51" + bytes(60)
    boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 8 + len(decoy), b"free") + decoy
    wrapped = boxes + struct.pack(">I4s", 8 + len(frame), b"jp2c") + frame
    decoded = decode(reframed(make(), JPEG2000Lossless, wrapped))
    np.testing.assert_array_equal(decoded.pixels, gray(make()))


@pytest.mark.parametrize(
    "syntax",
    [uid for uid in AllTransferSyntaxes if uid.is_encapsulated and uid not in COMPRESSED],
    ids=lambda uid: uid.keyword,
)
def test_what_nothing_decodes_says_so(make: Make, syntax: UID) -> None:
    """Images and videos in other transfer syntaxes are told by name."""
    with pytest.raises(UnsupportedCompression, match="decompress it first") as raised:
        decode(reframed(make(), syntax, b"\xff\xd8\xff\xd9"))
    assert syntax.name in str(raised.value)


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ("1.2.840.10008.9.9.9.999", "the transfer syntax 1.2.840.10008.9.9.9.999 is"),
        ("1.2.840.DOE^JANE", "an unknown transfer syntax is"),
        ("19700101", "an unknown transfer syntax is"),
    ],
)
def test_an_unknown_transfer_syntax_is_quoted_only_as_a_uid(
    make: Make, stated: str, named: str
) -> None:
    """A UID says what to look for; other text in its place is not copied into a message."""
    known = MPEG2MPML.ljust(len(MPEG2MPML) + len(MPEG2MPML) % 2, "\0").encode()
    data = reframed(make(), MPEG2MPML, b"\xff\xd8\xff\xd9")
    assert data.count(known) == 1
    with pytest.raises(UnsupportedCompression, match=f"^{re.escape(named)} not decoded") as raised:
        decode(data.replace(known, stated.ljust(len(known), "\0").encode()))
    assert "gdcmconv" in str(raised.value)


@pytest.mark.parametrize(
    ("channels", "said", "found"),
    [
        ((), "8 x 6 pixels", "16 x 12 pixels"),
        ((3,), "8 x 6 pixels of 1 sample", "16 x 12 pixels of 3 samples"),
    ],
)
def test_a_frame_of_another_size_is_told_in_words(
    make: Make, channels: tuple[int, ...], said: str, found: str
) -> None:
    """Both sizes are named, samples only where they differ, and what to do."""
    frame = cv2.imencode(".jpg", np.zeros((12, 16, *channels), np.uint8))[1].tobytes()
    dataset = of_8_bits(make)
    dataset.Rows, dataset.Columns = 6, 8
    message = f"the DICOM header says {said}, the compressed image {found}; the file is damaged: "
    with pytest.raises(Corrupt, match=f"^{message}"):
        decode(reframed(dataset, JPEGBaseline8Bit, frame))


def test_a_scan_without_its_last_coefficient_is_repaired(
    make: Make, image: NDArray[np.uint16]
) -> None:
    """A sequential JPEG that names no last coefficient, as some writers leave it, is read."""
    found, data = cv2.imencode(".jpg", (image >> 8).astype(np.uint8))
    assert found
    whole = data.tobytes()
    assert whole.count(b"\x00\x3f\x00") == 1
    frames = (whole, whole.replace(b"\x00\x3f\x00", bytes(3)))
    images = [decode(reframed(of_8_bits(make), JPEGBaseline8Bit, frame)).pixels for frame in frames]
    np.testing.assert_array_equal(*images)


def test_other_decoders_are_not_asked(make: Make, tmp_path: Path) -> None:
    """A decoder of pydicom is not used for being installed: some end the process."""
    syntaxes = [*JPEG_FAMILY, RLELossless]
    with pytest.MonkeyPatch.context() as patched:
        data = [encoded(fitting(make, syntax), syntax, tmp_path) for syntax in syntaxes]
        for syntax in syntaxes:
            decoder = get_decoder(syntax)
            for name in set(decoder.available_plugins) - {"pydicom"}:
                patched.setitem(decoder._available, name, lambda *_: pytest.fail("asked"))
        for each in data:
            decode(each)


@pytest.mark.parametrize("syntax", JPEG_CODED, ids=lambda uid: uid.keyword)
def test_a_jpeg_frame_decoded_past_damage_is_flagged(
    make: Make, tmp_path: Path, syntax: UID
) -> None:
    """A frame without its middle, of 8 bits or more, with loss or without, is no whole image."""
    dataset = fitting(make, syntax)
    frame = frame_of(compressed(dataset, syntax, tmp_path))
    scan, half = scan_of(frame), len(frame) // 2
    assert scan.start < half
    assert "damaged" not in decode(reframed(dataset, syntax, frame)).source.flags
    cut = frame[:half] + frame[half + 200 :]
    assert "damaged" in decode(reframed(dataset, syntax, cut)).source.flags


@pytest.mark.parametrize("syntax", [*JPEG_CODED, JPEGLSLossless], ids=lambda uid: uid.keyword)
def test_flipped_bits_of_a_frame_are_told(make: Make, tmp_path: Path, syntax: UID) -> None:
    """Some are refused or flagged, and no image is called damaged that is the same."""
    dataset = fitting(make, syntax)
    frame = frame_of(compressed(dataset, syntax, tmp_path))
    intact = decode(reframed(dataset, syntax, frame)).pixels
    told = 0
    for copy in flips(frame, slice(len(frame) // 2, -2), 60):
        try:
            found = decode(reframed(dataset, syntax, copy))
        except ImageError:
            told += 1
            continue
        if "damaged" in found.source.flags:
            told += 1
            assert not np.array_equal(found.pixels, intact)
    assert told


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", FRAMED, ids=lambda uid: uid.keyword)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(draw=st.data())
def test_a_damaged_frame_is_an_image_error(
    make: Make, tmp_path: Path, syntax: UID, draw: st.DataObject
) -> None:
    """Whatever bytes of a frame rot, an image comes out or an ImageError."""
    dataset = fitting(make, syntax)
    frame = bytearray(frame_of(compressed(dataset, syntax, tmp_path)))
    places = st.integers(0, len(frame) - 1)
    for place, value in draw.draw(st.dictionaries(places, st.integers(0, 255), max_size=4)).items():
        frame[place] = value
    with contextlib.suppress(ImageError):
        assert decode(reframed(dataset, syntax, bytes(frame))).pixels.shape == (48, 48)


def test_images_may_be_decoded_side_by_side(make: Make, tmp_path: Path) -> None:
    """On several threads at once each image comes out as it does alone."""
    images = [encoded(fitting(make, syntax), syntax, tmp_path) for syntax in FRAMED] * 8
    with ThreadPoolExecutor(4) as pool:
        for image, decoded in zip(images, pool.map(decode, images), strict=True):
            np.testing.assert_array_equal(decoded.pixels, decode(image).pixels)
