"""DICOM files of many makers, odd and broken ones among them."""

import re
from pathlib import Path

import numpy as np
import pytest
from fakes import ROOT

from cxr_edge.errors import ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.image import GrayImage

pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore")]

NO_IMAGE = {
    "malformed/html_page_named.dcm": "not-an-image",
    "pydicom/no_meta.dcm": "not-an-image",  # its first bytes are lost
    "pydicom/JPEG2000-embedded-sequence-delimiter.dcm": "corrupt",  # its width was written over
    "pydicom/badVR.dcm": "corrupt",  # 1A frames
    "pydicom/meta_missing_tsyntax.dcm": "corrupt",  # pixels of no size
    "pydicom/nested_priv_SQ.dcm": "corrupt",
    "pydicom/MR_truncated.dcm": "truncated",
    "pydicom/emri_small_jpeg_2k_lossless_too_short.dcm": "truncated",
    "pydicom/rtplan_truncated.dcm": "truncated",
    "pydicom/liver_deflate.dcm": "unsupported-compression",
    "pydicom/liver_nonbyte_aligned_deflate.dcm": "unsupported-compression",
    "pydicom/liver_nonbyte_aligned_rle.dcm": "unsupported-compression",
    "pydicom/liver_rle.dcm": "unsupported-compression",
}
"""Files that fail, apart from those that never had pixels."""


@pytest.fixture(scope="module")
def outcomes(real_data: Path) -> dict[str, GrayImage | str]:
    """The image of each file, or the reason why there is none."""
    root = real_data / "dicom"
    found: dict[str, GrayImage | str] = {}
    for path in sorted(root.rglob("*.dcm")):
        try:
            found[path.relative_to(root).as_posix()] = decode(path.read_bytes())
        except ImageError as error:
            found[path.relative_to(root).as_posix()] = error.reason
    return found


def test_what_can_be_decoded_is(outcomes: dict[str, GrayImage | str]) -> None:
    """Every file with an image is an image, and every other one has the right reason."""
    reasons = {name: found for name, found in outcomes.items() if isinstance(found, str)}
    documents = [name for name, reason in reasons.items() if reason == "no-pixel-data"]
    assert {name: reasons[name] for name in reasons if name not in documents} == NO_IMAGE
    for name in documents:
        path = name.removeprefix("pydicom/")
        assert path.startswith(DOCUMENTS), name


DOCUMENTS = (
    "DICOMDIR-empty",
    "ExplVR_",
    "UN_sequence",
    "chrJapMulti",
    "chrKoreanMulti",
    "chrSQEncoding",
    "empty_charset",
    "fall",
    "hot",
    "no_meta_group_length",
    "pet",
    "priv_SQ",
    "reportsi",
    "rtplan",
    "rtstruct",
    "spring",
    "summer",
    "test-SR",
    "waveform",
    "winter",
)


TWINS = [
    ("pydicom/MR_small.dcm", "pydicom/MR_small_RLE.dcm"),
    ("pydicom/MR_small.dcm", "pydicom/MR_small_bigendian.dcm"),
    ("pydicom/MR_small.dcm", "pydicom/MR_small_implicit.dcm"),
    ("pydicom/MR_small.dcm", "pydicom/MR_small_jp2klossless.dcm"),
    ("pydicom/MR_small.dcm", "pydicom/MR_small_jpeg_ls_lossless.dcm"),
    ("pydicom/emri_small.dcm", "pydicom/emri_small_RLE.dcm"),
    ("pydicom/emri_small.dcm", "pydicom/emri_small_jpeg_2k_lossless.dcm"),
    ("pydicom/emri_small.dcm", "pydicom/emri_small_jpeg_ls_lossless.dcm"),
    ("pydicom/liver.dcm", "pydicom/liver_j2k.dcm"),
    ("pydicom/SC_rgb.dcm", "pydicom/SC_rgb_rle.dcm"),
    ("pydicom/color-px.dcm", "pydicom/color-pl.dcm"),
    ("radiographs/RG3_JPLL.dcm", "radiographs/RG3_JLSL.dcm"),
]


@pytest.mark.parametrize(("plain", "packed"), TWINS)
def test_other_makers_lossless_images_are_the_same(
    outcomes: dict[str, GrayImage | str], plain: str, packed: str
) -> None:
    """One image in two transfer syntaxes without loss is one image."""
    twins = [outcomes[name] for name in (plain, packed)]
    assert all(isinstance(twin, GrayImage) for twin in twins)
    np.testing.assert_array_equal(*(twin.pixels for twin in twins if isinstance(twin, GrayImage)))


NEAR = [
    ("pydicom/HTJ2KLossless_08_RGB.dcm", "pydicom/HTJ2K_08_RGB.dcm", 1),
    (
        "pydicom/JPGExtended.dcm",
        "pydicom/JPEG-lossy.dcm",
        1,
    ),  # with its last coefficient and without
    ("radiographs/RG3_JPLL.dcm", "radiographs/RG3_J2KI.dcm", 1),
]


@pytest.mark.parametrize(("first", "second", "difference"), NEAR)
def test_other_makers_lossy_images_are_near(
    outcomes: dict[str, GrayImage | str], first: str, second: str, difference: float
) -> None:
    """One image with loss and without differs by less than a gray level."""
    near, far = outcomes[first], outcomes[second]
    assert isinstance(near, GrayImage)
    assert isinstance(far, GrayImage)
    assert np.abs(near.pixels.astype(int) - far.pixels).mean() < difference


def test_polarity_is_believed(outcomes: dict[str, GrayImage | str]) -> None:
    """An image and the copy of it whose header was changed to MONOCHROME1 are each other's
    negative."""
    name = "chest/1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm"
    right, mislabelled = outcomes[name], outcomes["chest/Fake_MONOHR1.dcm"]
    assert isinstance(right, GrayImage)
    assert isinstance(mislabelled, GrayImage)
    np.testing.assert_array_equal(mislabelled.pixels, 255 - right.pixels)


def test_the_table_of_the_docs_is_what_happens(outcomes: dict[str, GrayImage | str]) -> None:
    """Each file and how it ends stands in docs/dicom-files.md, and nothing else does."""
    page = (ROOT / "docs" / "dicom-files.md").read_text()
    shown = dict(re.findall(r"^\| `(.+\.dcm)` \| .+ \| (.+) \|$", page, re.MULTILINE))
    assert shown == {name: ending(found) for name, found in outcomes.items()}


def ending(found: GrayImage | str) -> str:
    if isinstance(found, str):
        return found
    flags = ", ".join(found.source.flags)
    return f"ok ({flags})" if flags else "ok"
