"""Single bits that flip in the pixels of an image file: what is refused, flagged, or not noticed.

    python bench/damage.py [--count 300] [--seed 0]

Prints the table of docs/report.md: a row per way to store the synthetic image of samples/, with
the shares of the copies that are refused, flagged `damaged`, the same image, near it (a gray level
or less on average), and wrong without a word.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from pydicom import dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cxr_edge.errors import ImageError
from cxr_edge.imaging.decode import decode

SAMPLES = Path(__file__).parent.parent / "samples"
ENDS = ("refused", "damaged", "same", "near", "wrong")


def raster(suffix: str, pixels: np.ndarray, *options: int) -> bytes:
    """Return an image file as OpenCV writes it."""
    return cv2.imencode(suffix, pixels, options)[1].tobytes()


def dicom(syntax: UID, frame: bytes | None = None, bits: int = 12) -> bytes:
    """Return the sample in a transfer syntax: with a compressed frame, or as pydicom packs it."""
    dataset, file = dcmread(SAMPLES / "phantom-opacities-monochrome2.dcm"), BytesIO()
    if frame is None:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.BitsAllocated = 8 if bits <= 8 else 16
        dataset.BitsStored, dataset.HighBit = bits, bits - 1
        for name in ("WindowCenter", "WindowWidth"):
            if name in dataset:
                delattr(dataset, name)
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def stored() -> Iterator[tuple[str, bytes]]:
    """Yield the sample in each way to store it."""
    deep = dcmread(SAMPLES / "phantom-opacities-monochrome2.dcm").pixel_array
    gray = (deep >> 4).astype(np.uint8)
    restarts, compression = cv2.IMWRITE_JPEG_RST_INTERVAL, cv2.IMWRITE_TIFF_COMPRESSION
    yield "PNG", raster(".png", gray)
    yield "TIFF, deflate", raster(".tiff", gray, compression, 8)
    yield "TIFF, LZW", raster(".tiff", gray, compression, 5)
    yield "TIFF or BMP, uncompressed", raster(".bmp", gray)
    yield "JPEG", raster(".jpg", gray)
    yield "JPEG with restart markers", raster(".jpg", gray, restarts, 40)
    yield "JPEG, progressive", raster(".jpg", gray, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    jpeg = imagecodecs.jpeg8_encode
    yield "DICOM, JPEG baseline", dicom(JPEGBaseline8Bit, jpeg(gray, level=95), 8)
    twelve = jpeg(deep, level=95, bitspersample=12)
    yield "DICOM, JPEG extended, 12 bits", dicom(JPEGExtended12Bit, twelve)
    lossless = jpeg(deep, lossless=True, bitspersample=12)
    yield "DICOM, JPEG lossless", dicom(JPEGLosslessSV1, lossless)
    yield "DICOM, JPEG-LS", dicom(JPEGLSLossless, imagecodecs.jpegls_encode(deep))
    wavelet = imagecodecs.jpeg2k_encode(deep, codecformat="J2K", reversible=True, bitspersample=12)
    yield "DICOM, JPEG 2000", dicom(JPEG2000Lossless, wavelet)
    yield "DICOM, RLE", dicom(RLELossless)


def end_of(copy: bytes, intact: np.ndarray) -> str:
    """Return how a damaged copy ends, one of :data:`ENDS`."""
    try:
        found = decode(copy)
    except ImageError:
        return "refused"
    if "damaged" in found.source.flags:
        return "damaged"
    difference = np.abs(found.pixels.astype(int) - intact)
    return "near" if 0 < difference.mean() <= 1 else "wrong" if difference.any() else "same"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"| stored as | {' | '.join(ENDS)} |\n| --- |{' --- |' * len(ENDS)}")
    for name, data in stored():
        rng = random.Random(options.seed)  # noqa: S311  (nothing is secret)
        intact, ends = decode(data).pixels, Counter[str]()
        for _ in range(options.count):
            copy = bytearray(data)
            copy[rng.randrange(len(data) // 8, len(data) * 7 // 8)] ^= 1 << rng.randrange(8)
            ends[end_of(bytes(copy), intact)] += 1
        shares = (f"{100 * ends[end] / options.count:.0f} %" for end in ENDS)
        print(f"| {name} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
