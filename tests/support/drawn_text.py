"""Texts of a picture, by where they are drawn."""

from matplotlib.figure import Figure
from matplotlib.text import Text


def cut_off(figure: Figure) -> list[str]:
    """Return the texts that the picture's edge cuts."""
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = {
        text.get_text(): text.get_window_extent()
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text.get_visible() and text.get_text()
    }
    return [
        text
        for text, box in boxes.items()
        if box.x0 < page.x0 or box.y0 < page.y0 or box.x1 > page.x1 or box.y1 > page.y1
    ]
