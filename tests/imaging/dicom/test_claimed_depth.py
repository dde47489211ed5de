"""DICOM headers whose bits, sign or window are not what the pixels have."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import (
    PICTURE,
    described,
    samples,
    shifted_lut,
    shows_the_picture,
)
from compression import BY_KEYWORD, PACKED, compressed
from dicoms import Make, saved
from numpy.typing import NDArray
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
)

from cxr_edge.imaging.decode import decode


@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize("held", [8, 10, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_a_table_is_as_deep_as_its_entries(make: Make, sequence: str, held: int, kind: str) -> None:
    """A table that claims 16 bits and uses fewer is shown by those, and flagged."""
    stored = samples(12) if kind == "MONOCHROME2" else 4095 - samples(12)
    attributes = described(stored, 12) | {sequence: [shifted_lut(12, held)]}
    decoded = decode(saved(make(photometric=kind, **attributes)))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("fewer-bits",)


@pytest.mark.parametrize(("claimed", "used"), [(16, 12), (15, 12), (14, 12), (13, 10), (12, 10)])
@pytest.mark.parametrize("type_", [np.uint16, np.int16], ids=["unsigned", "signed"])
def test_bits_that_are_not_used_do_not_darken(
    make: Make, claimed: int, used: int, type_: type
) -> None:
    """Only the bits in use count, of 9 to 16 that are stored, and a sign without use is dropped."""
    decoded = decode(saved(make(**described(samples(used).astype(type_), claimed))))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("fewer-bits",)


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("used", [10, 12])
def test_bits_of_color_that_are_not_used_do_not_darken(make: Make, kind: str, used: int) -> None:
    """The same holds for three channels of 16 bits, and gray in them is no color."""
    gray = samples(used)
    chroma = gray if kind == "RGB" else np.full_like(gray, 1 << used - 1)
    stored = np.dstack([gray, chroma, chroma])
    attributes = described(stored, 16, PlanarConfiguration=0)
    decoded = decode(saved(make(photometric=kind, **attributes)))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("fewer-bits",)


def test_all_bits_are_used_without_a_flag(make: Make) -> None:
    """An image that uses the bits it claims is shown by their range, whatever they are."""
    for bits in (9, 11, 13, 15):
        decoded = decode(saved(make(**described(samples(bits), bits))))
        assert shows_the_picture(decoded)
        assert decoded.source.flags == ()


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("used", "stored", "window", "flags"),
    [
        (8, 8, 9, ("ignored-window",)),
        (8, 8, 12, ("ignored-window",)),
        (12, 12, 14, ("ignored-window",)),
        (10, 12, 16, ("fewer-bits", "ignored-window")),
        (10, 16, 16, ("fewer-bits",)),
        (12, 14, 14, ("fewer-bits",)),
        (8, 8, 8, ()),
        (12, 12, 12, ()),
    ],
)
def test_a_window_over_all_values_says_nothing(
    make: Make, kind: str, used: int, stored: int, window: int, flags: tuple[str, ...]
) -> None:
    """A window as wide as all stored bits, or wider, does not darken what uses fewer."""
    values = samples(used).astype(np.uint8 if stored == 8 else np.uint16)
    values = values if kind == "MONOCHROME2" else values.max() - values
    limits = {"WindowCenter": 1 << window - 1, "WindowWidth": 1 << window}
    decoded = decode(saved(make(photometric=kind, **described(values, stored, **limits))))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == flags


def test_a_window_over_all_entries_of_a_table_says_nothing(make: Make) -> None:
    """The same holds for a window that is wider than what a Modality LUT gives."""
    limits = {"WindowCenter": 8192, "WindowWidth": 16384}
    attributes = described(samples(12), 12, ModalityLUTSequence=[shifted_lut(12, 12)], **limits)
    decoded = decode(saved(make(**attributes)))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("fewer-bits", "ignored-window")


def marked(bits: int) -> NDArray[np.uint16]:
    stored = samples(bits)
    stored[:3, :5] = 65535
    return stored


@pytest.mark.parametrize(
    ("stored", "claimed", "window"),
    [
        (marked(12), 16, {}),
        (2000 + PICTURE.astype(np.uint16) // 2, 12, {}),
        (samples(12), 12, {"WindowCenter": 3900, "WindowWidth": 100}),
        (samples(12), 12, {"WindowCenter": 60, "WindowWidth": 100}),
    ],
    ids=["marker", "narrow", "black", "white"],
)
def test_an_image_that_shows_little_says_so(
    make: Make, stored: NDArray[Any], claimed: int, window: dict[str, int]
) -> None:
    """An image that is nearly of one gray, or nearly all black or white, is flagged."""
    decoded = decode(saved(make(**described(stored, claimed, **window))))
    assert decoded.source.flags == ("low-contrast",)


@pytest.mark.parametrize("syntax", PACKED, **BY_KEYWORD)
@pytest.mark.parametrize(("depth", "claimed"), [(12, 10), (12, 14), (10, 12), (12, 16), (16, 12)])
def test_the_codestream_knows_its_depth(
    make: Make, tmp_path: Path, syntax: UID, depth: int, claimed: int
) -> None:
    """Bits Stored that contradicts a codestream whose values need its depth is not believed."""
    packed = compressed(make(**described(samples(depth), depth)), syntax, tmp_path)
    packed.BitsStored, packed.HighBit = claimed, claimed - 1
    assert shows_the_picture(decode(saved(packed, syntax)))


@pytest.mark.parametrize("syntax", PACKED, **BY_KEYWORD)
def test_a_deeper_codestream_is_no_darker_image(make: Make, tmp_path: Path, syntax: UID) -> None:
    """An encoder that writes 16 bits for the 12 that are stored darkens nothing."""
    packed = compressed(make(**described(samples(12), 16)), syntax, tmp_path)
    packed.BitsStored, packed.HighBit = 12, 11
    decoded = decode(saved(packed, syntax))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ()


@pytest.mark.parametrize("syntax", PACKED, **BY_KEYWORD)
def test_8_bits_in_16_allocated_are_read(make: Make, tmp_path: Path, syntax: UID) -> None:
    """Frames of 8 bits under a header that allocates 16 are read."""
    packed = compressed(make(**described(PICTURE, 8)), syntax, tmp_path)
    packed.BitsAllocated = 16
    assert shows_the_picture(decode(saved(packed, syntax)))


@pytest.mark.parametrize("claimed", [0, 1])
@pytest.mark.parametrize("encoded_as", [0, 1])
@pytest.mark.parametrize("lowest", [0, -2048])
def test_the_sign_of_jpeg_2000_is_that_of_its_values(
    make: Make, tmp_path: Path, claimed: int, encoded_as: int, lowest: int
) -> None:
    """Whether codestream or header is right about the sign, no value jumps to the other end."""
    meant = samples(12).astype(np.int16) + lowest
    bits = meant if encoded_as else meant & 0xFFF
    if encoded_as:
        bits = ((bits & 0xFFF) ^ 0x800) - 0x800
    stored = bits.astype(np.int16 if encoded_as else np.uint16)
    packed = compressed(make(**described(stored, 12)), JPEG2000Lossless, tmp_path)
    packed.PixelRepresentation = claimed
    decoded = decode(saved(packed, JPEG2000Lossless))
    if claimed != encoded_as or (lowest < 0) == bool(encoded_as):
        assert shows_the_picture(decoded)


@pytest.mark.parametrize("syntax", PACKED, **BY_KEYWORD)
def test_overlays_above_the_pixels_are_no_pixels(make: Make, tmp_path: Path, syntax: UID) -> None:
    """Bits that the header gives to an overlay do not count as deeper values."""
    stored = samples(12)
    stored[10:30, 10:40] |= 1 << 15
    dataset = make(**described(stored, 16))
    packed = compressed(dataset, syntax, tmp_path)
    for image, used in ((dataset, ExplicitVRLittleEndian), (packed, syntax)):
        image.BitsStored, image.HighBit = 12, 11
        image.add_new(0x60000100, "US", 16)
        image.add_new(0x60000102, "US", 15)
        decoded = decode(saved(image, used))
        assert shows_the_picture(decoded)
        assert decoded.source.flags == ()


@pytest.mark.parametrize("overshoot", [1, 20, 200])
def test_what_loss_pushes_beyond_the_bits_is_clipped(
    make: Make, tmp_path: Path, overshoot: int
) -> None:
    """White that a lossy encoder made a little whiter does not darken the image."""
    stored = samples(12)
    stored[stored > 3800] = 4095 + overshoot
    packed = compressed(make(**described(stored, 16)), JPEG2000Lossless, tmp_path)
    packed.BitsStored, packed.HighBit = 12, 11
    assert shows_the_picture(decode(saved(packed, JPEG2000Lossless)), tolerance=19)
