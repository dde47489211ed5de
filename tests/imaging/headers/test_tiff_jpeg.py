"""JPEG inside a TIFF: read rightly or refused, whatever its tags say of it."""

import struct
from collections.abc import Sequence

import cv2
import imagecodecs
import numpy as np
import pytest

from cxr_edge.errors import Corrupt, UnsupportedFormat
from cxr_edge.imaging.decode import decode

GRAY, RGB, CMYK, YCBCR = 1, 2, 5, 6
HEIGHT, WIDTH, TILE = 96, 128, 64
LUMA = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)).astype(np.uint8)
COLOR = np.dstack([LUMA, 255 - LUMA, LUMA // 2])
FACTORS = {"444": (1, 1), "422": (2, 1), "420": (2, 2)}


def tiff(
    jpegs: Sequence[bytes],
    photometric: int,
    samples: int,
    rows: int = HEIGHT,
    subsampling: tuple[int, int] | None = None,
    tile: int = 0,
) -> bytes:
    """Return a TIFF of 128 x 96 with these JPEGs as its strips, or as square tiles."""
    ends = np.cumsum([8, *map(len, jpegs)]).tolist()
    tags: dict[int, Sequence[int]] = {
        256: [WIDTH], 257: [HEIGHT], 258: [8] * samples, 259: [7], 262: [photometric],
        277: [samples], 284: [1],
    }  # fmt: skip
    tags |= {324: ends[:-1], 325: [*map(len, jpegs)]} if tile else {273: ends[:-1], 278: [rows]}
    tags |= {322: [tile], 323: [tile]} if tile else {279: [*map(len, jpegs)]}
    tags |= {530: subsampling} if subsampling else {}
    at = ends[-1] + 2 + 12 * len(tags) + 4
    entries = far = b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}H" if tag == 530 else f"<{len(values)}I", *values)
        place = packed if len(packed) <= 4 else struct.pack("<I", at + len(far))
        far += packed if len(packed) > 4 else b""
        kind = 3 if tag == 530 else 4
        entries += struct.pack("<HHI", tag, kind, len(values)) + place.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<I", ends[-1])
    return head + b"".join(jpegs) + struct.pack("<H", len(tags)) + entries + bytes(4) + far


def jpeg(image: np.ndarray, stored: str = "ycbcr", subsampling: str = "444") -> bytes:
    if image.ndim == 2:
        return bytes(imagecodecs.jpeg8_encode(image, level=95))
    given = "cmyk" if image.shape[2] == 4 else "rgb"
    return bytes(
        imagecodecs.jpeg8_encode(
            image, level=95, colorspace=given, outcolorspace=stored, subsampling=subsampling
        )
    )


def without_markers(data: bytes) -> bytes:
    """Return a JPEG without its JFIF and Adobe markers."""
    kept, at = data[:2], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        kept += data[at:end] if data[at + 1] not in (0xE0, 0xEE) else b""
        at = end
    return kept + data[at:]


def strips(image: np.ndarray, rows: int, *how: str) -> list[bytes]:
    return [jpeg(image[at : at + rows], *how) for at in range(0, len(image), rows)]


def tiles(image: np.ndarray, *how: str) -> list[bytes]:
    more = [(0, -HEIGHT % TILE), (0, -WIDTH % TILE), (0, 0)]
    padded = np.pad(image, more[: image.ndim], "edge")
    return [
        jpeg(padded[row : row + TILE, column : column + TILE], *how)
        for row in range(0, len(padded), TILE)
        for column in range(0, padded.shape[1], TILE)
    ]


def ink(image: np.ndarray) -> np.ndarray:
    """Return RGB of CMYK as TIFF has it: 0 is no ink."""
    whole = image.astype(float)
    return np.rint((255 - whole[..., :3]) * (255 - whole[..., 3:]) / 255).astype(np.uint8)


INKS = np.dstack([COLOR, 255 - LUMA])

READ: dict[str, tuple[bytes, np.ndarray]] = {
    "gray": (tiff([jpeg(LUMA)], GRAY, 1), LUMA),
    "gray in strips": (tiff(strips(LUMA, 16), GRAY, 1, 16), LUMA),
    "a last strip that is shorter": (tiff(strips(LUMA, 40), GRAY, 1, 40), LUMA),
    "a last strip of full length": (
        tiff([*strips(LUMA[:80], 40), jpeg(np.pad(LUMA[80:], [(0, 24), (0, 0)]))], GRAY, 1, 40),
        LUMA,
    ),
    "gray in tiles": (tiff(tiles(LUMA), GRAY, 1, tile=TILE), LUMA),
    "RGB": (tiff([jpeg(COLOR, "rgb")], RGB, 3), COLOR),
    "RGB without a marker": (tiff([without_markers(jpeg(COLOR, "rgb"))], RGB, 3), COLOR),
    "CMYK": (tiff([jpeg(INKS, "cmyk")], CMYK, 4), ink(INKS)),
}
for _name, _factors in FACTORS.items():
    for _told in (_factors, None):
        _whole = tiff([jpeg(COLOR, "ycbcr", _name)], YCBCR, 3, subsampling=_told)
        _parts = tiff(strips(COLOR, 32, "ycbcr", _name), YCBCR, 3, 32, _told)
        READ[f"{_name}, told {_told}"] = (_whole, COLOR)
        READ[f"{_name} in strips, told {_told}"] = (_parts, COLOR)
    READ[f"{_name} in tiles"] = (
        tiff(tiles(COLOR, "ycbcr", _name), YCBCR, 3, subsampling=_factors, tile=TILE),
        COLOR,
    )


@pytest.mark.parametrize("name", READ)
def test_a_jpeg_that_its_tags_describe_is_read_rightly(name: str) -> None:
    """Gray, RGB, CMYK and YCbCr at every subsampling, whole, in strips and in tiles."""
    data, image = READ[name]
    expected = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    got = decode(data).pixels
    assert got.shape == (HEIGHT, WIDTH)
    assert np.abs(got.astype(int) - expected).mean() < 1


@pytest.mark.parametrize(
    "size",
    [
        (WIDTH // 2, HEIGHT // 2), (2 * WIDTH, 2 * HEIGHT), (2 * WIDTH, HEIGHT),
        (WIDTH, 2 * HEIGHT), (WIDTH // 2, HEIGHT), (WIDTH, HEIGHT // 2),
        (WIDTH - 1, HEIGHT), (WIDTH, HEIGHT - 1),
        (WIDTH + 8, HEIGHT),
    ],
)  # fmt: skip
def test_a_jpeg_of_another_size_is_refused(size: tuple[int, int]) -> None:
    """The decoder fills up what is missing with anything, or cuts off what is too much."""
    gray = tiff([jpeg(cv2.resize(LUMA, size))], GRAY, 1)
    color = tiff([jpeg(cv2.resize(COLOR, size))], YCBCR, 3, subsampling=(1, 1))
    for data in (gray, color):
        with pytest.raises(
            UnsupportedFormat, match=f"got {size[0]} x {size[1]} pixels where 128 x"
        ):
            decode(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (tiff([jpeg(COLOR, "rgb")], YCBCR, 3, subsampling=(1, 1)), "stored otherwise"),
        (tiff([without_markers(jpeg(COLOR, "rgb"))], YCBCR, 3), "stored otherwise"),
        (tiff([jpeg(COLOR)], RGB, 3), "stored otherwise"),
        (tiff([jpeg(COLOR, "ycbcr", "420")], RGB, 3), "stored otherwise"),
        (tiff([jpeg(INKS, "ycck")], CMYK, 4), "stored otherwise"),
        (tiff([jpeg(COLOR)], YCBCR, 3, subsampling=(2, 2)), "at another size"),
        (tiff([jpeg(COLOR, "ycbcr", "420")], YCBCR, 3, subsampling=(1, 1)), "at another size"),
        (tiff([jpeg(LUMA)], RGB, 3), "got 1 sample per pixel in place of 3"),
        (tiff([jpeg(COLOR)], GRAY, 1), "got 3 samples per pixel in place of 1"),
    ],
)
def test_a_jpeg_of_other_colors_is_refused(data: bytes, what: str) -> None:
    """The decoder believes the tags, and would make wrong gray of it without a word."""
    with pytest.raises(UnsupportedFormat, match=what):
        decode(data)


def test_a_jpeg_that_ends_in_its_header_is_damaged() -> None:
    """It is no JPEG at all."""
    with pytest.raises(Corrupt, match="a JPEG in it ends within its header"):
        decode(tiff([jpeg(LUMA)[:20]], GRAY, 1))


@pytest.mark.parametrize("stored", ["cmyk", "ycck"])
def test_inks_need_the_adobe_marker(stored: str) -> None:
    """Adobe's are inverted, the standard's are not: without the marker nobody can tell."""
    data = jpeg(INKS, stored)
    inverted = np.rint(INKS[..., :3] * (INKS[..., 3:] / 255)).astype(np.uint8)
    expected = cv2.cvtColor(inverted, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(decode(data).pixels - expected).mean() < 2
    with pytest.raises(UnsupportedFormat, match="four inks without the Adobe marker"):
        decode(without_markers(data))
