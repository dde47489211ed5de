"""Stored values that the header misdescribes, and ordinary ones beside them."""

from pathlib import Path

import numpy as np
import pytest
from cases import PICTURE, described, samples, shows_the_picture
from compression import compressed
from dicoms import Make, saved
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.dicom.readings import as_meant

SYNTAXES = [ExplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless, RLELossless]
WRONG = ("misdescribed",)


@pytest.mark.filterwarnings("ignore:The number of bytes of compressed")
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_wrong_sign_makes_no_noise(
    make: Make, tmp_path: Path, syntax: UID, kind: str, bits: int
) -> None:
    """Unsigned values that are called signed are read as such, and flagged; right ones are not."""
    stored = samples(bits).astype(np.uint8 if bits == 8 else np.uint16)
    stored = stored if kind == "MONOCHROME2" else stored.max() - stored
    image = make(photometric=kind, **described(stored, bits))
    if syntax != ExplicitVRLittleEndian:
        image = compressed(image, syntax, tmp_path)
    for sign, flags in ((0, ()), (1, WRONG)):
        image.PixelRepresentation = sign
        decoded = decode(saved(image, syntax))
        assert shows_the_picture(decoded)
        assert decoded.source.flags == flags


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("window", [False, True])
def test_swapped_bytes_make_no_noise(make: Make, bits: int, window: bool) -> None:
    """Words in the other byte order are put right, and flagged."""
    limits = {"WindowCenter": 1 << bits - 1, "WindowWidth": 1 << bits} if window else {}
    attributes = described(samples(bits).byteswap(), bits, **limits)
    decoded = decode(saved(make(**attributes)))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == WRONG


@pytest.mark.parametrize(
    ("used", "said"), [(9, 8), (10, 8), (12, 8), (12, 10), (14, 12), (16, 10), (16, 12), (16, 14)]
)
def test_bits_that_the_header_forgets_are_no_noise(make: Make, used: int, said: int) -> None:
    """Values that are deeper than Bits Stored are not cut off at the top, and flagged."""
    decoded = decode(saved(make(**described(samples(used).astype(np.uint16), said))))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == WRONG


@pytest.mark.parametrize("junk", ["text", "noise", "constant"])
def test_bits_above_the_stored_ones_are_ignored(make: Make, junk: str) -> None:
    """What is no part of the picture stays out of it, whether an overlay is named or not."""
    stored = samples(12)
    if junk == "text":
        stored[10:14, 5:60:3] |= 1 << 14
    if junk == "noise":
        stored |= np.random.default_rng(0).integers(0, 16, stored.shape, np.uint16) << 12
    if junk == "constant":
        stored |= 3 << 12
    decoded = decode(saved(make(**described(stored, 12))))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("gain", [1, 3, 40])
@pytest.mark.parametrize("noise", [0, 0.01, 0.2, 2])
def test_what_the_header_describes_is_believed(bits: int, gain: float, noise: float) -> None:
    """Noise, saturation and letters of black on white are no reason to read otherwise."""
    rng = np.random.default_rng(bits)
    share = np.kron(PICTURE / 255, np.ones((4, 4)))
    share = np.clip((share - 0.5) * gain + 0.5 + rng.normal(0, noise, share.shape), 0, 1)
    share[20:60, 20:120:8], share[20:60, 24:120:8] = 0, 1
    words = np.rint(share * ((1 << bits) - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    shifted = (words.astype(np.int32) - (1 << bits - 1)).astype(f"i{words.itemsize}")
    for described_rightly in (words, shifted):
        values, found, is_wrong = as_meant(described_rightly, bits, bits - 1, overlays=False)
        np.testing.assert_array_equal(values, described_rightly)
        assert (found, is_wrong) == (bits, False)
