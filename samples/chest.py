"""Draw a chest: anatomy by formulas, with no patient's image in it.

Tissues add up what they absorb (body, spine, heart, ribs, vessels, and consolidations for the
positive class), and an exposure curve turns the sum into gray values.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""One value for each pixel."""

_WIDTH = 0.75
"""Share of a drawing's columns that the image shows: a chest fills an X-ray from side to side."""


@dataclass(frozen=True)
class _Sheet:
    """The coordinates of a drawing, in fractions of its side; 0 is the middle."""

    x: Plane
    y: Plane

    @property
    def size(self) -> int:
        """Rows and columns."""
        return len(self.x)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, edge: float = 0.1) -> Plane:
        """Return an ellipse: 1 inside, 0 outside, soft over a share ``edge`` of its radius."""
        distance = np.sqrt(((self.x - cx) / rx) ** 2 + ((self.y - cy) / ry) ** 2)
        return _step((1 - distance) / edge)

    def tube(self, points: NDArray[np.float64], radius: float) -> Plane:
        """Return a line through points (x, y), 1 on it and 0 off it, as thick as two radii."""
        scale = 8  # OpenCV draws between pixels in units of a power of two
        pixels = (points + 0.5) * self.size * 2**scale
        plane = np.zeros((self.size, self.size), np.uint8)
        thickness = max(1, round(2 * radius * self.size))
        cv2.polylines(
            plane, [np.rint(pixels).astype(np.int32)], False, 255, thickness, cv2.LINE_AA, scale
        )
        return plane.astype(np.float32) / 255


def chest(seed: int, *, opacities: int, size: int = 512) -> NDArray[np.uint16]:
    """Draw one chest, seen from the front.

    Parameters
    ----------
    seed
        Of everything that varies.
    opacities
        Count of consolidations in the lungs; 0 for a normal chest.
    size
        Rows and columns.

    Returns
    -------
    numpy.ndarray
        uint16 of shape (size, size), the full range; 0 is black.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - np.float32(0.5)
    sheet = _Sheet(x - np.float32(rng.uniform(-0.01, 0.01)), y)
    lungs = _lungs(sheet)
    absorbed = _body(sheet) - 0.8 * lungs + _middle(sheet)
    absorbed += 0.24 * _ribs(sheet) + 0.3 * _bones(sheet)
    absorbed += 0.05 * _vessels(sheet, rng) * lungs
    absorbed += _consolidations(sheet, rng, opacities) * lungs
    absorbed += 0.1 * (_clouds(rng, size, 6) - 0.5) * _step(absorbed * 4)
    margin = round(size * (1 - _WIDTH) / 2)
    absorbed = cv2.resize(absorbed[:, margin : size - margin], (size, size))
    absorbed = cv2.GaussianBlur(absorbed, (0, 0), size / 900).astype(np.float32)
    absorbed += rng.normal(0, 0.008, absorbed.shape).astype(np.float32)
    gray = (1 - np.exp(-0.6 * np.clip(absorbed, 0, None))) / 0.65
    return np.rint(_lettered(np.clip(gray, 0, 1)) * 65535).astype(np.uint16)


def _step(values: Plane) -> Plane:
    """Return 0 below 0, 1 above 1, and a smooth curve between."""
    t = np.clip(values, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _lungs(sheet: _Sheet) -> Plane:
    """Return where air is: narrow tops, wide bases, cut off by the domes of the diaphragm."""
    both = np.zeros_like(sheet.x)
    for side in (-1, 1):
        x = side * sheet.x
        height = np.clip((sheet.y + 0.37) / 0.66, 0, 1)  # 0 at the top, 1 at the base
        outer = 0.1 + 0.285 * np.sqrt(height) * (1 - 0.12 * height)
        inner = 0.045 + 0.02 * height
        dome = (0.245 if side < 0 else 0.275) + 1.9 * (x - 0.2) ** 2
        inside = _step((outer - x) / 0.02) * _step((x - inner) / 0.025)
        top = -0.37 + 2.5 * (x - 0.14) ** 2
        inside *= _step((dome - sheet.y) / 0.025) * _step((sheet.y - top) / 0.03)
        both = np.maximum(both, inside)
    return both


def _body(sheet: _Sheet) -> Plane:
    """Return the soft parts: trunk, shoulders, neck and what lies under the diaphragm."""
    trunk = 0.95 * sheet.ellipse(0, 0.18, 0.47, 0.72, 0.16)
    shoulders = 0.55 * sheet.ellipse(0, -0.3, 0.6, 0.13, 0.6)
    neck = 0.5 * sheet.ellipse(0, -0.5, 0.13, 0.2, 0.4)
    belly = 0.35 * sheet.ellipse(0, 0.52, 0.44, 0.28, 0.35)
    return np.maximum(np.maximum(trunk, shoulders), neck) + belly


def _middle(sheet: _Sheet) -> Plane:
    """Return spine, heart and great vessels."""
    spine = 0.32 * _step((0.04 - np.abs(sheet.x)) / 0.012)
    joints = 0.5 + 0.5 * np.cos(2 * np.pi * sheet.y / 0.066)
    spine *= 1 - 0.3 * joints**6
    airway = 0.22 * _step((0.016 - np.abs(sheet.x)) / 0.008) * _step((-0.12 - sheet.y) / 0.04)
    heart = 0.5 * sheet.ellipse(0.07, 0.12, 0.16, 0.19, 0.16)
    roots = 0.36 * sheet.ellipse(0.02, -0.1, 0.075, 0.2, 0.35)
    return spine - airway + np.maximum(heart, roots)


def _ribs(sheet: _Sheet) -> Plane:
    """Return ten pairs of ribs: behind, falling outwards; in front, falling inwards, fainter."""
    total = np.zeros_like(sheet.x)
    turn = np.linspace(0, 1, 40)
    for number in range(10):
        top = -0.41 + 0.07 * number
        reach = 0.2 + 0.2 * np.sqrt(min(1, (number + 0.6) / 6))
        for side in (-1, 1):
            x = 0.035 + (reach - 0.035) * np.sin(turn * np.pi / 2)
            behind = np.stack([side * x, top - 0.03 * np.sin(turn * np.pi) + 0.11 * turn**2.2], 1)
            total += _rib(sheet, behind, 0.0135)
            if number < 7:
                start = behind[-1]
                front = np.stack(
                    [start[0] * (1 - 0.62 * turn), start[1] + 0.13 * np.sin(turn * np.pi / 2)], 1
                )
                total += 0.55 * _rib(sheet, front, 0.0145)
    return cv2.GaussianBlur(total, (0, 0), sheet.size / 300).astype(np.float32)


def _rib(sheet: _Sheet, line: NDArray[np.float64], radius: float) -> Plane:
    """Return one rib: a tube whose rim absorbs more than its marrow."""
    return sheet.tube(line, radius) - np.float32(0.45) * sheet.tube(line, radius * 0.62)


def _bones(sheet: _Sheet) -> Plane:
    """Return clavicles, and the upper arms beside the chest."""
    total = np.zeros_like(sheet.x)
    turn = np.linspace(0, 1, 30)
    for side in (-1, 1):
        clavicle = np.stack(
            [side * (0.04 + 0.3 * turn), -0.35 - 0.075 * turn + 0.035 * np.sin(turn * 2 * np.pi)], 1
        )
        arm = np.array([[side * 0.4, -0.4], [side * 0.52, -0.16]])
        total += _rib(sheet, clavicle, 0.015) + 0.8 * _rib(sheet, arm, 0.026)
    return cv2.GaussianBlur(total, (0, 0), sheet.size / 260).astype(np.float32)


def _vessels(sheet: _Sheet, rng: np.random.Generator) -> Plane:
    """Return the vessels of both lungs: trees that thin out from the roots."""
    total = np.zeros_like(sheet.x)
    for side in (-1, 1):
        for angle in np.linspace(-1.3, 1.35, 9):
            _branch(sheet, rng, total, (side * 0.07, -0.02), side, angle, 0.0085, 0)
    return cv2.GaussianBlur(total, (0, 0), sheet.size / 260).astype(np.float32)


def _branch(
    sheet: _Sheet,
    rng: np.random.Generator,
    total: Plane,
    start: tuple[float, float],
    side: int,
    angle: float,
    radius: float,
    depth: int,
) -> None:
    """Draw a vessel into ``total``, and the two that it forks into."""
    length = rng.uniform(0.06, 0.1) * 0.85**depth
    bend = angle + rng.uniform(-0.25, 0.25)
    steps = np.linspace(0, 1, 8)
    way = angle + (bend - angle) * steps
    x = start[0] + np.cumsum(side * np.cos(way) * length / 8)
    y = start[1] + np.cumsum(np.sin(way) * length / 8)
    np.maximum(total, sheet.tube(np.stack([x, y], 1), radius) * (0.9 - 0.14 * depth), out=total)
    if depth < 4:
        for turn in (-1, 1):
            fork = bend + turn * rng.uniform(0.2, 0.5)
            _branch(sheet, rng, total, (x[-1], y[-1]), side, fork, radius * 0.72, depth + 1)


def _consolidations(sheet: _Sheet, rng: np.random.Generator, count: int) -> Plane:
    """Return lung filled with fluid: cloudy patches, in which the airways are still dark."""
    total = np.zeros_like(sheet.x)
    if not count:
        return total
    for _ in range(count):
        side = rng.choice((-1, 1))
        middle = side * rng.uniform(0.1, 0.22), rng.uniform(-0.12, 0.2)
        patch = sheet.ellipse(*middle, rng.uniform(0.16, 0.24), rng.uniform(0.16, 0.24), 1.0)
        cloud = _clouds(rng, sheet.size, 10)
        fluid = rng.uniform(0.6, 0.78) * _step(patch * (0.45 + 1.1 * cloud))
        total = np.maximum(total, fluid.astype(np.float32))
    airways = np.zeros_like(sheet.x)
    for side in (-1, 1):
        for angle in (-0.5, 0.2, 0.9):
            _branch(sheet, rng, airways, (side * 0.06, 0.0), side, angle, 0.007, 1)
    return total * (1 - np.float32(0.35) * airways + np.float32(0.2) * _grain(rng, sheet.size))


def _grain(rng: np.random.Generator, size: int) -> Plane:
    """Return the patchiness of lung that is partly filled, with mean 0 and deviation 1."""
    total = np.zeros((size, size), np.float32)
    for cells, weight in ((260, 0.5), (120, 0.7), (50, 1.0)):
        noise = cv2.GaussianBlur(rng.normal(0, 1, total.shape), (0, 0), size / cells)
        total += (weight * noise / noise.std()).astype(np.float32)
    return ((total - total.mean()) / total.std()).astype(np.float32)


def _clouds(rng: np.random.Generator, size: int, cells: int) -> Plane:
    """Return noise at several scales, 0 to 1."""
    total = np.zeros((size, size), np.float32)
    for octave in range(4):
        grain = rng.random((cells * 2**octave, cells * 2**octave), np.float32)
        total += cv2.resize(grain, (size, size), interpolation=cv2.INTER_CUBIC) / 2**octave
    return ((total - total.min()) / (total.max() - total.min())).astype(np.float32)


def _lettered(gray: Plane) -> Plane:
    """Return the drawing with the word that says what it is."""
    letters = np.zeros(gray.shape, np.uint8)
    cv2.putText(letters, "DRAWING", (12, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230, 1)
    return np.maximum(gray, letters / np.float32(255))
