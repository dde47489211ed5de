"""DICOM headers whose colors and channels are not what the pixels have."""

from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from cases import (
    PICTURE,
    described,
    jpeg,
    shows_the_picture,
    without_markers,
)
from compression import BY_KEYWORD, PACKED, compressed, reframed
from dicoms import Make, saved
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.decode import decode


@pytest.mark.parametrize("planar", [0, 1, None])
@pytest.mark.parametrize("syntax", [*PACKED, RLELossless], **BY_KEYWORD)
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


@pytest.mark.parametrize("syntax", PACKED, **BY_KEYWORD)
def test_another_count_of_channels_is_refused(make: Make, tmp_path: Path, syntax: UID) -> None:
    """One channel is not taken for three."""
    packed = compressed(make(**described(PICTURE, 8)), syntax, tmp_path)
    packed.SamplesPerPixel, packed.PhotometricInterpretation = 3, "RGB"
    packed.PlanarConfiguration = 0
    with pytest.raises(Corrupt, match="of 3 samples"):
        decode(saved(packed, syntax))


@pytest.mark.parametrize("kind", ["RGB", "YBR_ICT", "YBR_RCT"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGLSLossless], **BY_KEYWORD)
def test_luma_and_no_color_is_gray_whatever_it_says(
    make: Make, tmp_path: Path, syntax: UID, kind: str
) -> None:
    """Three channels that are plainly those of a gray YCbCr image are not taken for RGB."""
    no_color = np.full_like(PICTURE, 128)
    stored = np.dstack([PICTURE, no_color, no_color])
    image = make(photometric="RGB", **described(stored, 8, PlanarConfiguration=0))
    if syntax != ExplicitVRLittleEndian:
        image = compressed(image, syntax, tmp_path)
    image.PhotometricInterpretation = kind
    assert shows_the_picture(decode(saved(image, syntax)))


@pytest.mark.parametrize("named", ["JFIF", "components"])
def test_a_jpeg_that_tells_its_colors_is_believed(make: Make, named: str) -> None:
    """A JFIF header means YCbCr and components named R, G and B mean RGB, as for any decoder."""
    color = np.dstack([PICTURE, 255 - PICTURE, PICTURE[::-1]])
    options = {"level": 98, "colorspace": "RGB", "subsampling": "444"}
    if named == "JFIF":
        frame, says = imagecodecs.jpeg8_encode(color, outcolorspace="YCBCR", **options), "RGB"
    else:
        frame, says = imagecodecs.jpeg8_encode(color, outcolorspace="RGB", **options), "YBR_FULL"
        at = frame.index(b"\xff\xee")
        frame = frame[:at] + frame[at + 16 :]
    dataset = make(photometric=says, **described(color, 8, PlanarConfiguration=0))
    decoded = decode(reframed(dataset, JPEGBaseline8Bit, frame))
    assert np.abs(decoded.pixels - color @ [0.299, 0.587, 0.114]).mean() < 3
