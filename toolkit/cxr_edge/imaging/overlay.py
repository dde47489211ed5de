"""Picture of where in an image a model finds its evidence: the image beside its heat map."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.notice import RESEARCH_USE

_GAP: Final = 8
"""Pixels between the images, and around text."""
_NARROWEST: Final = 520
"""Least width of a picture, in which its text fits."""
_BAR: Final = (200, 14)
"""Width and height of the scale, pixels."""
_COLORS: Final = cv2.COLORMAP_PLASMA
"""Violet over orange to yellow, ever brighter: the color-blind can tell all of it apart, and
nothing in it is gray as the image is. Its dark blue start is not seen: next to nothing is drawn
there."""
_STRONGEST: Final = 0.65
"""Opacity of the strongest evidence; weaker evidence hides less of the image."""
_LETTERS: Final = 14
"""Size of letters, pixels."""
_LINE: Final = 20
"""Height of a line, pixels."""
_GRAY: Final = 128
"""Gray under the scale, as in the middle of an image."""
_BLACK: Final = (0, 0, 0)
_PACKING: Final = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY)
_WRITING: Final = Lock()
"""Held while text is drawn: OpenCV does not say that threads may share its fonts."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Evidence for one class, by place."""

    values: NDArray[np.float32]
    """Evidence, shape (h, w), of the whole image however it was stretched; where it is not above
    zero nothing is drawn."""
    label: str
    """Name of the class."""
    unit: str
    """Unit of the values, in words."""
    least_span: float
    """Least difference of the ends of the scale, so that next to nothing is not drawn as much."""

    @property
    def is_seen(self) -> bool:
        """Whether any place has evidence."""
        return bool(self.values.max() > 0)

    @property
    def ends(self) -> tuple[float, float]:
        """Values at the ends of the scale: the weakest evidence, at least 0, and the strongest."""
        weakest, strongest = max(float(self.values.min()), 0.0), float(self.values.max())
        top = max(strongest, self.least_span)
        return max(min(weakest, top - self.least_span), 0.0), top


def draw_overlay(
    image: NDArray[np.uint8], heat: HeatMap, lines: Sequence[str]
) -> NDArray[np.uint8]:
    """Draw an image and the same image under its heat map, side by side, with a scale below.

    The map is stretched over the image as the model's input was stretched from it.

    Parameters
    ----------
    image
        Gray, shape (rows, columns), as :func:`cxr_edge.imaging.fit.fit` gives it.
    heat
        The heat map, of any resolution.
    lines
        Lines of text below the scale.

    Returns
    -------
    numpy.ndarray
        Blue, green and red, uint8 of shape (H, W, 3).
    """
    rows, columns = image.shape
    gray = np.repeat(image[:, :, np.newaxis], 3, axis=2)
    stretched = cv2.resize(heat.values, (columns, rows), interpolation=cv2.INTER_LINEAR)
    pair = np.full((rows, 2 * columns + _GAP, 3), 255, np.uint8)
    pair[:, :columns] = gray
    low, high = heat.ends
    pair[:, columns + _GAP :] = _colored(gray, (stretched - low) / (high - low))
    width = max(pair.shape[1], _NARROWEST)
    left = (width - pair.shape[1]) // 2
    pair = np.pad(pair, ((0, 0), (left, width - left - pair.shape[1]), (0, 0)), constant_values=255)
    return np.concatenate([pair, _below(heat, lines, width)])


def as_png(picture: NDArray[np.uint8]) -> bytes:
    """Return the bytes of a PNG file, packed by Huffman codes alone: far faster, a third larger."""
    _, data = cv2.imencode(".png", picture, _PACKING)
    return bytes(data)


def _colored(gray: NDArray[np.uint8], shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return an image under the colors of shares of the scale, 0 to 1; none below 0."""
    shares = np.clip(shares, 0, 1)
    colors = cv2.applyColorMap(np.rint(shares * 255).astype(np.uint8), _COLORS)
    opacity = (_STRONGEST * np.sqrt(shares))[:, :, np.newaxis]
    return np.rint(gray * (1 - opacity) + colors * opacity).astype(np.uint8)


def _below(heat: HeatMap, lines: Sequence[str], width: int) -> NDArray[np.uint8]:
    """Return the part below the images: what the colors mean, and text."""
    if heat.is_seen:
        low = heat.ends[0]
        bare = f"evidence of {low:.3g} or less" if low else "no evidence"
        meaning = (
            f"Colors: evidence for {heat.label}, from weak (violet) to strong (yellow) in this "
            f"image ({heat.unit}). No color: {bare}."
        )
    else:
        meaning = f"No place has evidence for {heat.label}, so there are no colors."
    text = [part for line in (meaning, *lines, RESEARCH_USE) for part in _wrapped(line, width)]
    part = np.full((_BAR[1] + 3 * _GAP + _LINE * len(text), width, 3), 255, np.uint8)
    if heat.is_seen:
        _draw_scale(part, heat)
    for number, line in enumerate(text, start=1):
        _write(part, line, _GAP, _GAP + _BAR[1] + _LINE * number)
    return part


def _draw_scale(part: NDArray[np.uint8], heat: HeatMap) -> None:
    """Draw the colors, over a gray as in an image, between the values that they stand for."""
    low, high = (f"{end:.3g}" for end in heat.ends)
    shares = np.broadcast_to(np.linspace(0, 1, _BAR[0], dtype=np.float32), _BAR[::-1])
    start, base = 2 * _GAP + _width(low), _GAP + _BAR[1]
    gray = np.full((*shares.shape, 3), _GRAY, np.uint8)
    part[_GAP:base, start : start + _BAR[0]] = _colored(gray, shares)
    _write(part, low, _GAP, base - 1)
    _write(part, high, start + _BAR[0] + _GAP, base - 1)


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text, each of which fits; a word that is too long is cut off."""
    room = width - 2 * _GAP
    line = ""
    for word in text.split():
        while _width(word) > room:
            word = word[:-1]  # noqa: PLW2901  (it is cut where it stands)
        longer = f"{line} {word}".strip()
        if _width(longer) > room:
            yield line
            longer = word
        line = longer
    yield line


def _width(text: str) -> int:
    with _WRITING:
        _, _, width, _ = cv2.getTextSize((1, 1), text, (0, 0), _font(), _LETTERS)
    return int(width)


def _write(picture: NDArray[np.uint8], text: str, left: int, baseline: int) -> None:
    with _WRITING:
        cv2.putText(picture, text, (left, baseline), _BLACK, _font(), _LETTERS)


def _font() -> cv2.FontFace:
    return cv2.FontFace("sans")
