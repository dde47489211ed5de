"""DICOM images in compressed transfer syntaxes, encoded by GDCM, imagecodecs and pydicom."""

from copy import deepcopy
from io import BytesIO
from pathlib import Path

import gdcm
import imagecodecs
import numpy as np
from dicoms import saved
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

PACKED = [JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless]
"""Transfer syntaxes that lose nothing, one for each kind of encoder."""

BY_KEYWORD = {"ids": lambda uid: uid.keyword}
"""Names of parameters that are transfer syntaxes."""

BY_GDCM = {
    JPEGBaseline8Bit: gdcm.TransferSyntax.JPEGBaselineProcess1,
    JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    JPEGLSLossless: gdcm.TransferSyntax.JPEGLSLossless,
    JPEGLSNearLossless: gdcm.TransferSyntax.JPEGLSNearLossless,
}


def compressed(dataset: FileDataset, syntax: UID, folder: Path) -> FileDataset:
    """Return the image in another transfer syntax."""
    if syntax == JPEGExtended12Bit:  # GDCM writes none
        values = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)
        frame = imagecodecs.jpeg8_encode(values, level=95, bitspersample=12)
        return dcmread(BytesIO(reframed(deepcopy(dataset), syntax, frame)))
    plain, packed = folder / "plain.dcm", folder / "packed.dcm"
    plain.write_bytes(saved(dataset))
    if syntax not in BY_GDCM:
        image = dcmread(plain)
        options = {"j2k_cr": [2]} if syntax == JPEG2000 else {}
        image.compress(syntax, generate_instance_uid=False, **options)
        return image
    reader, writer, change = (
        gdcm.ImageReader(),
        gdcm.ImageWriter(),
        gdcm.ImageChangeTransferSyntax(),
    )
    reader.SetFileName(str(plain))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(BY_GDCM[syntax]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(packed))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return dcmread(packed)


def encoded(dataset: FileDataset, syntax: UID, folder: Path) -> bytes:
    image = compressed(dataset, syntax, folder)
    assert image.file_meta.TransferSyntaxUID == syntax
    return saved(image, syntax)


def reframed(dataset: FileDataset, syntax: UID, frame: bytes) -> bytes:
    """Return the image with a compressed frame of the caller's, whole by its own account."""
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return saved(dataset, syntax)


def frame_of(image: FileDataset) -> bytes:
    return next(generate_frames(image.PixelData, number_of_frames=1))
