"""Pictures of heat maps."""

from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from cxr_edge.imaging.image import SourceFacts
from cxr_edge.imaging.overlay import HeatMap, draw_overlay

SOURCE = SourceFacts(32, 32, "png")
PIXELS = np.zeros((32, 32, 1), np.uint8)


def test_an_image_without_evidence_is_not_colored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence that is next to nothing is not stretched over the whole scale of colors."""
    drawn: list[str] = []
    monkeypatch.setattr(Figure, "colorbar", lambda *_, **__: drawn.append("bar") or MagicMock())
    for total in (0.01, 2.0):
        heat = HeatMap(np.full((32, 32), total / 1024, np.float32), total, "PNEUMONIA")
        draw_overlay(PIXELS, SOURCE, heat, ("a.png", "NORMAL"), tmp_path / "a.png")
    assert drawn == ["bar"]


def test_a_failed_drawing_leaves_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves neither a part of a picture nor a temporary file."""
    target = tmp_path / "a.png"
    target.write_bytes(b"old")

    def fill(_: Figure, path: Path, **__: object) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fill)
    heat = HeatMap(np.zeros((32, 32), np.float32), 0.0, "PNEUMONIA")
    with pytest.raises(OSError, match="disk full"):
        draw_overlay(PIXELS, SOURCE, heat, ("a.png", "NORMAL"), target)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"old")]
