"""A decoded image, its source, and the limits on its size."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import TooLarge

FLAGS: Final[tuple[str, ...]] = (
    "blank",
    "burned-in",
    "color",
    "cropped",
    "damaged",
    "fewer-bits",
    "for-processing",
    "ignored-window",
    "inverted",
    "lateral",
    "lossy",
    "low-contrast",
    "misdescribed",
    "multi-frame",
    "not-a-chest-film",
    "orientation",
    "other-body-part",
    "other-modality",
    "rotated",
    "small",
    "stretched",
    "tiny",
    "transparent",
    "unlike-training-data",
)
"""The closed list of warnings in the report's ``flags`` column.

``color``: some pixel shows color, read as luma; gray that is stored as RGB is not flagged.
``damaged``: a JPEG, or a TIFF in LZW or PackBits, whose decoder went on past damage; a part of the
picture may be wrong. ``fewer-bits``: samples or entries of a lookup table that use fewer bits than
they claim, windowed to those. ``low-contrast``: few gray levels are used, or nearly all pixels are
black or white. ``multi-frame``: more than one page or frame, the first was read. ``small``: a side
is shorter than the model's input and was enlarged. ``stretched``: one side is more than twice the
other, and the model's input distorts it. ``tiny``: a side is shorter than a quarter of the
model's input. ``transparent``: some pixels are transparent, shown over
black.

From the input check, on the picture: ``blank``: there is nothing to see but noise or a slope;
``low-contrast`` too. From its statistics, where the model has some: ``not-a-chest-film``,
``lateral``, ``inverted`` (black for white), ``rotated`` (by 90 or 180 degrees), ``cropped`` (a
large part is cut off), and ``unlike-training-data``: far from the images that the model learned
from.

From DICOM's header alone: ``burned-in``: text may be burned into the pixels. ``for-processing``:
raw values, not meant to be looked at. ``ignored-window``: a window or lookup table that cannot be
meant was left out. ``lateral``: a lateral view, by the header. ``lossy``: compressed with loss.
``misdescribed``: the stored values make a picture only with another sign, byte order or number of
bits than the header's, and were read so. ``orientation``: the patient does not stand upright in
the image, or is mirrored. ``other-body-part``: not of the chest. ``other-modality``:
neither CR, DX nor RG.
"""

VERDICTS: Final = frozenset(
    {
        "blank",
        "cropped",
        "inverted",
        "lateral",
        "low-contrast",
        "not-a-chest-film",
        "other-body-part",
        "other-modality",
        "rotated",
        "tiny",
        "unlike-training-data",
    }
)
"""Flags that say that an image should not have been scored: it is no frontal chest X-ray, does not
show enough of one, or not one of the kind that the model learned from."""

MAX_PIXELS: Final = 1 << 28
"""Images of more pixels (268 million) are refused before they are decoded."""


@dataclass(frozen=True)
class SourceFacts:
    """Facts in the report about the file of an image."""

    width: int
    """Columns as stored."""
    height: int
    """Rows as stored."""
    format: str
    """Name of the format."""
    flags: tuple[str, ...] = ()
    """Warnings from :data:`FLAGS`, sorted, each once."""

    def __post_init__(self) -> None:
        if unknown := set(self.flags) - set(FLAGS):
            raise ValueError(f"flags: expected some of {FLAGS}, got {sorted(unknown)}")
        if list(self.flags) != sorted(set(self.flags)):
            raise ValueError(f"flags: expected them sorted, each once, got {self.flags}")

    def with_flags(self, flags: Iterable[str]) -> "SourceFacts":
        """Return the facts with more warnings."""
        return replace(self, flags=tuple(sorted({*self.flags, *flags})))


@dataclass(frozen=True)
class GrayImage:
    """A decoded image: 0 is black, 255 is white, dense tissue is bright."""

    pixels: NDArray[np.uint8]
    """Pixels of shape (rows, columns); a JPEG may be 2, 4 or 8 times smaller than its file."""
    source: SourceFacts
    """Facts about the file that it was decoded from."""

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 2:
            raise ValueError(
                "GrayImage: expected uint8 of shape (rows, columns), "
                f"got {self.pixels.dtype} of shape {self.pixels.shape}"
            )


def check_size(width: int, height: int, frames: int = 1) -> None:
    """Refuse an image whose header promises too many pixels, over all its frames.

    Raises
    ------
    TooLarge
        More than :data:`MAX_PIXELS`.
    """
    if width * height * frames > MAX_PIXELS:
        size = f"{width} x {height}" if frames == 1 else f"{frames} frames of {width} x {height}"
        raise TooLarge(f"expected at most {MAX_PIXELS} pixels, got {size}; make it smaller first")


def larger_than_memory() -> TooLarge:
    """Return the error of an image that memory has no room for."""
    return TooLarge("expected an image that fits into memory, got a larger one")
