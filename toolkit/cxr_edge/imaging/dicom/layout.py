"""The size and type of a dataset's pixels, by its header."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import FileDataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.tag import Tag

from cxr_edge.errors import Corrupt, UnsupportedFormat
from cxr_edge.imaging.dicom.attributes import described, integer_of, word_of
from cxr_edge.imaging.image import check_size

SAMPLES: Final[Mapping[str, int]] = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}
"""Photometric interpretations that are read, with the samples per pixel of each."""

_OVERLAYS: Final = range(0x6000, 0x6020, 2)
"""Groups of overlays."""
_OVERLAY_BIT_POSITION: Final = 0x0102


@dataclass(frozen=True)
class Layout:
    """Size and type of the pixels, PS3.3 C.7.6.3.1."""

    photometric: str
    """Photometric interpretation, one of :data:`SAMPLES`."""
    rows: int
    """Rows."""
    columns: int
    """Columns."""
    frames: int
    """Count of frames."""
    allocated: int
    """Bits that a sample takes."""
    bits: int
    """Bits of each sample that are stored; all for floating point."""
    signed: bool
    """Whether samples may be below zero; False for floating point."""
    overlays: bool
    """Whether overlays lie in bits that are not stored ones, PS3.5 8.1.2 (retired)."""

    @property
    def is_gray(self) -> bool:
        """Whether neighbouring samples are alike: they are neither colors nor indices of colors."""
        return self.photometric.startswith("MONOCHROME")

    @property
    def size(self) -> tuple[int, int, int]:
        """(rows, columns, samples per pixel)."""
        return self.rows, self.columns, SAMPLES[self.photometric]


def layout_of(dataset: FileDataset) -> Layout:
    """Return what a header says of its pixels; values that stand there twice are made one.

    Raises
    ------
    Corrupt
        An attribute is missing, is no number, has several values, or contradicts another.
    TooLarge
        There are too many pixels.
    UnsupportedFormat
        The photometric interpretation is none of :data:`SAMPLES`.
    """
    kind = word_of(dataset, "PhotometricInterpretation")
    if kind not in SAMPLES:
        known = [str(member) for member in PhotometricInterpretation]
        raise UnsupportedFormat(
            f"expected DICOM pixels that are {', '.join(SAMPLES)}, "
            f"got {kind if kind in known else 'something else'}; convert it to PNG"
        )
    samples = integer_of(dataset, "SamplesPerPixel")
    if samples != SAMPLES[kind]:
        raise Corrupt(
            f"expected {described('SamplesPerPixel')} to be {SAMPLES[kind]} for {kind}, "
            f"got {samples}"
        )
    names = ["Rows", "Columns", "BitsAllocated"]
    if "PixelData" in dataset:
        names += ["BitsStored", "PixelRepresentation"]
    rows, columns, allocated, *stored = (integer_of(dataset, name) for name in names)
    frames = integer_of(dataset, "NumberOfFrames", 1) or 1
    if min(rows, columns, frames) < 1:
        raise Corrupt(
            f"the DICOM header promises no pixels: columns {columns}, rows {rows}, frames {frames}"
        )
    check_size(columns, rows, frames)
    bits, signed = stored or (allocated, 0)
    if not 0 < bits <= allocated:
        raise Corrupt(f"{described('BitsStored')} is {bits} of {allocated} in the DICOM file")
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = kind, samples
    for name, value in zip(names, (rows, columns, allocated, *stored), strict=True):
        setattr(dataset, name, value)
    dataset.NumberOfFrames = frames
    overlays = any(_bit_of_overlay(dataset, group) for group in _OVERLAYS)
    return Layout(kind, rows, columns, frames, allocated, bits, bool(signed), overlays)


def _bit_of_overlay(dataset: FileDataset, group: int) -> int:
    """Return the bit of the pixels that an overlay lies in; 0 where it lies elsewhere."""
    tag = Tag(group, _OVERLAY_BIT_POSITION)
    value = dataset[tag].value if tag in dataset else 0
    return value if isinstance(value, int) else 0
