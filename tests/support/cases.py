"""Inputs that are easily read wrongly, drawn: what a file claims is not what its pixels are."""

import struct
import zlib
from typing import Any, Final

import cv2
import numpy as np
from dicoms import lut
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from cxr_edge.imaging.image import GrayImage

ROWS, COLUMNS = 48, 64
_DOWN, _ACROSS = np.mgrid[0:ROWS, 0:COLUMNS]
_SHARE = 0.5 + 0.5 * np.sin(_ACROSS / 9) * np.cos(_DOWN / 7)
SHARE: Final[NDArray[np.float64]] = (_SHARE - _SHARE.min()) / (_SHARE.max() - _SHARE.min())
"""A smooth picture from 0 (black) to 1 (white)."""
PICTURE: Final[NDArray[np.uint8]] = np.rint(SHARE * 255).astype(np.uint8)
"""The same in 8 bits."""


def shows_the_picture(decoded: GrayImage, tolerance: int = 2) -> bool:
    """Tell whether an image is the picture to within some gray levels."""
    return bool(np.abs(decoded.pixels.astype(int) - PICTURE).max() <= tolerance)


def samples(bits: int) -> NDArray[np.uint16]:
    """Return the picture in samples that use all of their bits."""
    return np.rint(SHARE * ((1 << bits) - 1)).astype(np.uint16)


def described(stored: NDArray[Any], bits: int, **attributes: Any) -> dict[str, Any]:
    """Return attributes of a DICOM image of ``stored`` that claims ``bits`` bits."""
    size = stored.dtype.itemsize
    return {
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "SamplesPerPixel": 3 if stored.ndim == 3 else 1,
        "BitsAllocated": 8 * size,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(stored.dtype.kind == "i"),
        "PixelData": stored.astype(stored.dtype.newbyteorder("<")).tobytes(),
    } | attributes


def shifted_lut(bits: int, held: int, first: int = 0) -> Dataset:
    """Return a table that claims 16 bits for entries of ``held``, one for each of ``bits``."""
    top = (1 << held) - 1
    entries = [round(value * top / ((1 << bits) - 1)) for value in range(1 << bits)]
    table = lut(entries, first & 0xFFFF, 16)
    table.ModalityLUTType = "US"
    return table


def items(*values: bytes) -> bytes:
    """Return values as the items of encapsulated pixels."""
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(v)) + v for v in values)


def framed(dataset: FileDataset, value: bytes) -> FileDataset:
    """Return a dataset with these pixels, up to a delimiter."""
    dataset.PixelData = value
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def claiming(data: bytes, syntax: UID) -> bytes:
    """Return an uncompressed DICOM file whose meta information names another transfer syntax."""
    old = ExplicitVRLittleEndian.encode().ljust(20, b"\0")
    new = syntax.encode() + bytes(len(syntax) % 2)
    data = data.replace(b"UI\x14\0" + old, b"UI" + struct.pack("<H", len(new)) + new, 1)
    at = data.index(b"\x02\0\0\0UL\x04\0") + 8
    (length,) = struct.unpack_from("<I", data, at)
    return data[:at] + struct.pack("<I", length + len(new) - len(old)) + data[at + 4 :]


def jpeg(pixels: NDArray[np.uint8], *options: int) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100, *options])[1].tobytes()


def with_stray_bytes(data: bytes, marker: int, stray: bytes) -> bytes:
    """Return a JPEG with bytes before the first segment of a marker."""
    at = data.index(bytes([0xFF, marker]))
    return data[:at] + stray + data[at:]


def without_markers(data: bytes) -> bytes:
    """Return a JPEG without the APP0 that says how its colors were changed."""
    (length,) = struct.unpack_from(">H", data, 4)
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[4 + length :]


def png_with(pixels: NDArray[np.generic], kind: bytes, payload: bytes) -> bytes:
    """Return a PNG with one more chunk behind its header."""
    data: bytes = cv2.imencode(".png", pixels)[1].tobytes()
    checked = kind + payload
    chunk = struct.pack(">I", len(payload)) + checked + struct.pack(">I", zlib.crc32(checked))
    return data[:33] + chunk + data[33:]


class Page:
    """A page of a TIFF: its tags, and the strips or tiles with its pixels."""

    def __init__(self, pixels: NDArray[Any], *, apart: bool = False, **tags: int) -> None:
        rows, columns = pixels.shape[:2]
        count = pixels.shape[2] if pixels.ndim == 3 else 1
        planes = [pixels[..., i] for i in range(count)] if apart else [pixels]
        pack = zlib.compress if tags.get("t259") == 8 else bytes
        self.strips = [pack(np.ascontiguousarray(plane).tobytes()) for plane in planes]
        self.tags: dict[int, list[int]] = {
            254: [0],
            256: [columns],
            257: [rows],
            258: [8 * pixels.dtype.itemsize] * count,
            259: [1],
            262: [2 if count > 2 else 1],
            277: [count],
            278: [rows],
            284: [2 if apart else 1],
            339: [{"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]] * count,
        }
        self.tags |= {int(tag[1:]): [value] for tag, value in tags.items()}


def tiff(*pages: Page, tiled: bool = False) -> bytes:
    """Return a TIFF, little endian; a keyword ``t259=5`` of a page sets its tag 259 to 5."""
    offsets, lengths = (324, 325) if tiled else (273, 279)
    data = b"II*\0" + bytes(4)
    link = 4
    for page in pages:
        places = []
        for strip in page.strips:
            places.append(len(data))
            data += strip + bytes(len(strip) % 2)
        tags = page.tags | {offsets: places, lengths: [len(strip) for strip in page.strips]}
        entries = b""
        for tag, values in sorted(tags.items()):
            packed = struct.pack(f"<{len(values)}I", *values)
            if len(packed) > 4:
                packed, data = struct.pack("<I", len(data)), data + packed
            entries += struct.pack("<HHI", tag, 4, len(values)) + packed
        data = data[:link] + struct.pack("<I", len(data)) + data[link + 4 :]
        data += struct.pack("<H", len(tags)) + entries
        link = len(data)
        data += bytes(4)
    return data
