"""Small raster files of every kind, some with headers that no library writes."""

import struct
import zlib

import cv2
import numpy as np

from cxr_edge.imaging.sniff import Format

IMAGE = np.add.outer(np.arange(20), 3 * np.arange(30)).astype(np.uint8)
WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, ROWS_A_STRIP = 256, 257, 258, 259, 262, 278
SAMPLES, TILE_WIDTH, TILE_LENGTH, RGB = 277, 322, 323, 2
OFFSETS = {"strips": 273, "tiles": 324}
BYTES = {"strips": 279, "tiles": 325}


def encoded(suffix: str, image: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(suffix, image, options)[1].tobytes()


def png(bits: int, color_type: int) -> bytes:
    """Return a PNG of 30 x 20 with a header as told and no pixels in it."""
    body = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", 30, 20, bits, color_type, 0, 0, 0)
    for kind, payload in ((b"IHDR", header), (b"IDAT", b"pixels"), (b"IEND", b"")):
        checked = kind + payload
        body += struct.pack(">I", len(payload)) + checked + struct.pack(">I", zlib.crc32(checked))
    return body


def tiff(
    order: str = "<", photometric: int = 1, bits: int = 8, pages: int = 1, store: str = "strips"
) -> bytes:
    """Return an uncompressed TIFF of 30 x 20 whose pages share one block of pixels."""
    pixels = bytes(30 * 20 * bits // 8)
    samples = 3 if photometric == RGB else 1
    pixels *= samples
    tags = {WIDTH: 30, LENGTH: 20, BITS: bits, COMPRESSION: 1, PHOTOMETRIC: photometric}
    tags |= {OFFSETS[store]: 8, ROWS_A_STRIP: 20, BYTES[store]: len(pixels), SAMPLES: samples}
    if store == "tiles":
        tags |= {TILE_WIDTH: 32, TILE_LENGTH: 32}
    body = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(pixels))
    body += pixels
    for page in range(pages):
        body += struct.pack(order + "H", len(tags))
        for tag, value in sorted(tags.items()):
            body += struct.pack(order + "HHII", tag, 4, 1, value)
        body += struct.pack(order + "I", len(body) + 4 if page + 1 < pages else 0)
    return body


def bmp(height: int, bits: int, info: int = 40) -> bytes:
    """Return an uncompressed BMP, 30 wide; ``info`` is the size of its second header."""
    pixels = bytes((30 * bits + 31) // 32 * 4 * abs(height))
    size = struct.pack("<HH", 30, height) if info == 12 else struct.pack("<ii", 30, height)
    second = (struct.pack("<I", info) + size + struct.pack("<HH", 1, bits)).ljust(info, b"\0")
    offset = 14 + len(second)
    first = b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset)
    return first + second + pixels


WHOLE = {
    "jpeg": (Format.JPEG, encoded(".jpg", IMAGE)),
    "jpeg-progressive": (Format.JPEG, encoded(".jpg", IMAGE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    "png": (Format.PNG, encoded(".png", IMAGE)),
    "tiff": (Format.TIFF, tiff()),
    "tiff-big-endian": (Format.TIFF, tiff(">")),
    "tiff-tiled": (Format.TIFF, tiff(store="tiles")),
    "tiff-lzw": (Format.TIFF, encoded(".tiff", IMAGE, cv2.IMWRITE_TIFF_COMPRESSION, 5)),
    "bmp": (Format.BMP, encoded(".bmp", IMAGE)),
    "bmp-top-down": (Format.BMP, bmp(-20, 24)),
    "bmp-os2": (Format.BMP, bmp(20, 8, info=12)),
}
