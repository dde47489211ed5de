"""The bytes of a file to a gray image, whatever its format."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import EmptyFile, NotAnImage, TooLarge, UnsupportedFormat
from cxr_edge.imaging.bit_depth import DEPTHS
from cxr_edge.imaging.contrast import contrast_flags
from cxr_edge.imaging.headers.read import read_header
from cxr_edge.imaging.image import GrayImage, SourceFacts, check_size
from cxr_edge.imaging.other_contents import LOOK_BYTES, kind_of_content
from cxr_edge.imaging.raster import decode_deep_raster, decode_raster, jpeg_reduction
from cxr_edge.imaging.sniff import HEAD_BYTES, Format, identify
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.recipe import CXR_1
from cxr_edge.storage.read_file import MAX_BYTES

_RASTER: Final = (Format.JPEG, Format.PNG, Format.TIFF, Format.BMP)


def decode(data: bytes, spec: InputSpec | None = None) -> GrayImage:
    """Decode an image file to 8-bit gray.

    Parameters
    ----------
    data
        All bytes of the file.
    spec
        Input of the model that the image is for. Its recipe is followed, and JPEG is decoded at
        reduced scale where that is large enough. Without it the image is decoded at full size, by
        recipe ``cxr-1``.

    Raises
    ------
    ImageError
        One subclass for each ``reason`` in the report.
    """
    recipe = spec.preprocessing if spec else CXR_1
    if not data:
        raise EmptyFile("the file has no bytes; copy it again")
    if len(data) > MAX_BYTES:
        raise TooLarge(f"expected at most {MAX_BYTES} bytes, got {len(data)}")
    kind = identify(data[:HEAD_BYTES])
    if kind is None:
        got = kind_of_content(data[:LOOK_BYTES])
        raise NotAnImage(f"expected a JPEG, PNG, TIFF, BMP or DICOM file, got {got}")
    if kind is Format.DICOM:
        from cxr_edge.imaging.dicom.decode import decode_dicom  # pydicom is loaded for DICOM alone

        pixels, facts = decode_dicom(data, np.uint8, recipe)
    elif kind in _RASTER:
        header = read_header(data, kind)
        check_size(header.width, header.height)
        reduction = jpeg_reduction(header, spec) if spec and kind is Format.JPEG else 1
        pixels, flags = decode_raster(data, header, recipe, reduction)
        facts = SourceFacts(header.width, header.height, kind, flags)
    else:
        raise UnsupportedFormat(
            f"expected a JPEG, PNG, TIFF, BMP or DICOM file, got {kind}; convert it to PNG"
        )
    return GrayImage(pixels, facts.with_flags(contrast_flags(pixels)))


def decode_deep(data: bytes) -> tuple[GrayImage, NDArray[np.uint16]]:
    """Decode an image file to 8 bits as :func:`decode` does, and to 16 that a scan reads alike.

    The 16 bits keep what a source of more than 8 has: each sample lies within half a gray level
    of 257 times the 8-bit one. Only an image darker than a quarter of the range is widened from 8
    bits, since the scan would take finer samples for fewer bits.

    Parameters
    ----------
    data
        All bytes of the file.

    Returns
    -------
    GrayImage
        The image, 8 bits.
    ndarray
        Its samples, uint16 of the same shape (H, W).

    Raises
    ------
    ImageError
        As :func:`decode`.
    """
    image = decode(data)
    kind = identify(data[:HEAD_BYTES])
    if kind is Format.DICOM:
        from cxr_edge.imaging.dicom.decode import decode_dicom

        deep, _ = decode_dicom(data, np.uint16, CXR_1)
    else:
        assert kind is not None
        deep = decode_deep_raster(data, read_header(data, kind), CXR_1)
    widened = image.pixels.astype(np.int32) * 257
    near = np.clip(deep, widened - 128, widened + 128)  # a half may have been rounded otherwise
    fine = near.max() >= 1 << DEPTHS[-2]
    return image, (near if fine else widened).astype(np.uint16)
