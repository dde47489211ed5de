"""Notes in PNG files."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cxr_edge.imaging.overlay import as_png
from cxr_edge.imaging.png_note import has_note, is_noted, with_note

PICTURE = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(with_note(as_png(PICTURE), "image ab model cd"))
    return path


def test_a_noted_file_is_still_the_picture(noted: Path) -> None:
    """The chunk is well-formed, so that every reader takes the file."""
    np.testing.assert_array_equal(cv2.imread(str(noted)), PICTURE)


def test_only_the_same_note_is_found(noted: Path, tmp_path: Path) -> None:
    """Neither a longer nor a shorter note, nor a file without one or none at all, passes for it."""
    assert has_note(noted, "image ab model cd")
    for other in ("image ab model c", "image ab model cde", "image ab model ce", ""):
        assert not has_note(noted, other)
    plain = tmp_path / "b.png"
    plain.write_bytes(as_png(PICTURE))
    assert is_noted(noted)
    for path in (plain, tmp_path, tmp_path / "none.png", Path(__file__)):
        assert not has_note(path, "image ab model cd")
        assert not is_noted(path)
