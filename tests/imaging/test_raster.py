"""JPEG, PNG, TIFF and BMP to gray samples."""

import cv2
import numpy as np
import pytest

from cxr_edge.errors import Corrupt, TooLarge
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.headers.read import read_header
from cxr_edge.imaging.raster import decode_raster, jpeg_reduction
from cxr_edge.imaging.sniff import Format
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.recipe import CXR_1

NOISE = np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "reduction"),
    [(1024, 1024, 8), (1023, 1024, 4), (511, 700, 2), (256, 256, 2), (255, 900, 1), (9, 9, 1)],
)
def test_a_jpeg_stays_twice_the_models_input(height: int, width: int, reduction: int) -> None:
    """It is decoded as coarsely as leaves both sides long enough, and no coarser."""
    header = Header(Format.JPEG, width, height, 8, color=False)
    assert jpeg_reduction(header, InputSpec(64, 64)) == reduction


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_a_reduced_jpeg_has_the_size_that_was_asked_for(reduction: int) -> None:
    """1/n of the rows and of the columns are decoded."""
    data = cv2.imencode(".jpg", NOISE)[1].tobytes()
    header = read_header(data, Format.JPEG)
    pixels, flags = decode_raster(data, header, CXR_1, reduction)
    assert pixels.shape == (64 // reduction, 96 // reduction)
    assert flags == ()


def test_memory_that_is_short_is_not_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that does not fit is too large; what OpenCV refuses otherwise is corrupt."""
    data = cv2.imencode(".png", NOISE)[1].tobytes()
    header = read_header(data, Format.PNG)
    for code, error in ((cv2.Error.STS_NO_MEM, TooLarge), (cv2.Error.STS_ASSERT, Corrupt)):
        refusal = cv2.error("refused")
        refusal.code, refusal.err = code, "refused"

        def refuse(*_: object, refusal: cv2.error = refusal) -> None:
            raise refusal

        monkeypatch.setattr(cv2, "imdecode", refuse)
        with pytest.raises(error):
            decode_raster(data, header, CXR_1)
