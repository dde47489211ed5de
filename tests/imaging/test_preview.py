"""Small pictures of images."""

import cv2
import numpy as np
import pytest
from fakes import SAMPLES

from cxr_edge.errors import ImageError
from cxr_edge.imaging.preview import HEAT_MAP, THUMBNAIL, VIEW, heat_map_preview, preview


@pytest.mark.parametrize("name", ["phantom-normal.jpg", "phantom-opacities-monochrome1.dcm"])
def test_every_format_is_shown_as_a_scan_reads_it(name: str) -> None:
    """DICOM too; MONOCHROME1 is not inverted, since the lungs stay darker than the spine."""
    found = preview((SAMPLES / name).read_bytes())
    view = cv2.imdecode(np.frombuffer(found.view, np.uint8), cv2.IMREAD_UNCHANGED)
    assert view.ndim == 2
    rows, columns = view.shape
    assert view[rows // 2, columns // 2] > view[rows // 2, columns // 4]


def test_pictures_are_bounded_and_keep_their_proportions() -> None:
    """A small image is not enlarged."""
    wide = cv2.imencode(".png", np.arange(4000, dtype=np.uint16).repeat(9).reshape(12, 3000))[1]
    found = preview(wide.tobytes())
    sizes = [
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE).shape
        for data in (found.thumbnail, found.view)
    ]
    assert sizes == [(1, THUMBNAIL), (3, VIEW)]
    small = cv2.imencode(".png", np.arange(600, dtype=np.uint8).reshape(20, 30))[1].tobytes()
    data = np.frombuffer(preview(small).view, np.uint8)
    assert cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).shape == (20, 30)


def test_a_heat_map_keeps_its_colors() -> None:
    """It is made smaller, and nothing else."""
    red = np.zeros((700, 2 * HEAT_MAP, 3), np.uint8)
    red[..., 2] = 200
    data = heat_map_preview(cv2.imencode(".png", red)[1].tobytes())
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (350, HEAT_MAP, 3)
    assert abs(int(shown[9, 9, 2]) - 200) < 4
    assert shown[..., :2].max() < 4


@pytest.mark.parametrize("data", [b"", b"text", (SAMPLES / "phantom-normal.jpg").read_bytes()])
def test_what_is_no_heat_map_is_refused(data: bytes) -> None:
    """An error that the page tells, not one that ends the command."""
    with pytest.raises(ImageError):
        heat_map_preview(data)
