"""Pictures of heat maps."""

from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from drawn_text import cut_off
from matplotlib.figure import Figure

from cxr_edge.imaging import overlay
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


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures that were drawn, in place of files."""
    kept: list[Figure] = []
    monkeypatch.setattr(overlay, "save", lambda figure, _: kept.append(figure))
    return kept


@pytest.mark.parametrize("total", [0.0, 2.0])
@pytest.mark.parametrize(
    ("width", "height"),
    [(1500, 400), (1320, 736), (900, 900), (800, 1200), (400, 1500), (3000, 90)],
)
def test_all_text_is_inside_the_picture(
    tmp_path: Path, drawn: list[Figure], width: int, height: int, total: float
) -> None:
    """Neither a wide nor a tall image, nor a long class name, cuts a text off."""
    heat = HeatMap(np.full((32, 32), total / 1024, np.float32), total, "SIGNS OF " * 5 + "DISEASE")
    lines = ("n" * 44, f"{heat.label}, p = 0.003, logit -5.81", "threshold 0.500 (balanced)")
    draw_overlay(PIXELS, SourceFacts(width, height, "png"), heat, lines, tmp_path / "a.png")
    assert not cut_off(drawn[0])


@pytest.mark.parametrize(("width", "height"), [(900, 900), (400, 1500), (1500, 400)])
def test_the_images_fill_the_picture(
    tmp_path: Path, drawn: list[Figure], width: int, height: int
) -> None:
    """The two images cover most of the picture's width, also where they are tall."""
    heat = HeatMap(np.full((32, 32), 0.1, np.float32), 102.4, "PNEUMONIA")
    draw_overlay(PIXELS, SourceFacts(width, height, "png"), heat, ("a.png",), tmp_path / "a.png")
    drawn[0].draw_without_rendering()
    widths = [axis.get_window_extent().width for axis in drawn[0].axes[:2]]
    assert sum(widths) > 0.65 * drawn[0].bbox.width


@pytest.mark.parametrize(("total", "said"), [(0.0, "No evidence for PNEUMONIA"), (2.0, "Warm")])
def test_the_line_below_tells_whether_there_is_evidence(
    tmp_path: Path, drawn: list[Figure], total: float, said: str
) -> None:
    """A picture without colors does not explain them."""
    heat = HeatMap(np.full((32, 32), total / 1024, np.float32), total, "PNEUMONIA")
    draw_overlay(PIXELS, SOURCE, heat, ("a.png", "NORMAL"), tmp_path / "a.png")
    below = drawn[0].get_supxlabel()
    assert said in below
    assert ("Warm" in below) == (total > 0)


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
