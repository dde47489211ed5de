"""DICOM images for tests: values of our own under a header of our own."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxr_edge.imaging.decode import decode

Make = Callable[..., FileDataset]


def saved(dataset: FileDataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta.TransferSyntaxUID = syntax
    file = BytesIO()
    dcmwrite(
        file,
        dataset,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return file.getvalue()


def gray(dataset: FileDataset) -> NDArray[np.uint8]:
    return decode(saved(dataset)).pixels


def color(pixels: NDArray[np.generic], **attributes: Any) -> dict[str, Any]:
    """Return attributes of an 8-bit image of three channels, stored as (rows, columns, 3)."""
    return {
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelData": pixels.tobytes(),
    } | attributes


WINDOW = {"WindowCenter": 2000, "WindowWidth": 1000}
TWO_WINDOWS = {"WindowCenter": [2000, 9], "WindowWidth": [1000, 9]}
FULL_WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
INVERTED = {"RescaleSlope": -1, "RescaleIntercept": 4095}
RESCALED = {"RescaleSlope": 2, "RescaleIntercept": -1000}
LADDER = [0, 1500, 1501, 1750, 2000, 2499, 4095]
CHANNELS = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)


def lut(entries: list[int], first: int, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return item


TOLD = [
    ({"BurnedInAnnotation": "YES"}, "burned-in"),
    ({"PresentationIntentType": "FOR PROCESSING"}, "for-processing"),
    ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1"}, "for-processing"),
    ({"ViewPosition": "LL"}, "lateral"),
    ({"ViewPosition": "RL"}, "lateral"),
    ({"ViewPosition": "LATERAL"}, "lateral"),
    ({"ViewCode": "399198007"}, "lateral"),
    ({"LossyImageCompression": "01"}, "lossy"),
    ({"PatientOrientation": "F\\R"}, "orientation"),
    ({"PatientOrientation": "HL\\L"}, "orientation"),
    ({"PatientOrientation": "R\\H"}, "orientation"),
    ({"PatientOrientation": "L\\H"}, "orientation"),
    ({"PatientOrientation": "R\\F"}, "orientation"),
    ({"BodyPartExamined": "KNEE"}, "other-body-part"),
    ({"BodyPartExamined": "TSPINE"}, "other-body-part"),
    ({"Modality": "CT"}, "other-modality"),
    ({"Modality": "OT"}, "other-modality"),
]
