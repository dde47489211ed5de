"""DICOM files, whole and not."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dicoms import (
    CHANNELS,
    WINDOW,
    Make,
    color,
    gray,
    saved,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxr_edge.errors import (
    ConstantImage,
    Corrupt,
    ImageError,
    NoPixelData,
    NotAnImage,
    TooLarge,
    Truncated,
)
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.dicom.decode import instance_uid


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_every_plain_transfer_syntax_gives_the_same_image(make: Make, syntax: UID) -> None:
    """Byte order and coding of the header do not change a pixel."""
    expected = gray(make(**WINDOW))
    dataset = make(**WINDOW)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    np.testing.assert_array_equal(decode(saved(dataset, syntax)).pixels, expected)


def test_the_instance_uid_is_found_wherever_a_image_is(make: Make) -> None:
    """In every coding and without a preamble; what is no DICOM, or has none, gives no text."""
    dataset = make(SOPInstanceUID="2.25.7")
    plain = saved(dataset)
    coded = [
        saved(dataset, syntax)
        for syntax in (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
    ]
    assert [instance_uid(data) for data in (plain, plain[132:], *coded)] == ["2.25.7"] * 4
    without = plain.replace(b"2.25.7", b"      ")
    assert [instance_uid(data) for data in (without, b"", b"no image")] == [""] * 3


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.99])
def test_a_cut_deflated_file_is_truncated(make: Make, fraction: float) -> None:
    """A deflated file that was not copied to its end is told apart from a damaged one."""
    data = saved(make(), DeflatedExplicitVRLittleEndian)
    with pytest.raises(Truncated):
        decode(data[: max(400, int(len(data) * fraction))])


def test_a_deflated_bomb_is_not_unpacked(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unpacks to more than a file may have is refused, whatever is in it."""
    dataset = make(np.zeros((400, 400)))
    dataset.add_new(0x00091010, "OB", bytes(1 << 20))
    data = saved(dataset, DeflatedExplicitVRLittleEndian)
    assert len(data) < 10_000
    monkeypatch.setattr("cxr_edge.imaging.dicom.dataset.MAX_BYTES", 1 << 20)
    with pytest.raises(TooLarge, match="after inflating"):
        decode(data)


def test_a_document_has_no_pixels(phantoms: ModuleType, image: NDArray[np.uint16]) -> None:
    """DICOM that is no image is not called damaged."""
    dataset = phantoms.dicom(image, "MONOCHROME2", 1)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    for element in [element.tag for element in dataset.group_dataset(0x0028)]:
        del dataset[element]
    del dataset.PixelData
    with pytest.raises(NoPixelData):
        decode(saved(dataset))


def test_cut_before_its_pixels_is_no_document(make: Make) -> None:
    """A copy that ended within its header is truncated; one that never had pixels is not."""
    dataset = make()
    whole = saved(dataset)
    del dataset.PixelData
    with pytest.raises(NoPixelData):
        decode(saved(dataset))
    with pytest.raises(Truncated):
        decode(whole[: len(whole) - len(image_bytes(make)) - 30])


def image_bytes(make: Make) -> bytes:
    pixels: bytes = make().PixelData
    return pixels


def test_an_empty_attribute_is_no_pixels(make: Make) -> None:
    """An image with the attribute for its pixels and nothing in it has none."""
    with pytest.raises(NoPixelData):
        gray(make(PixelData=b""))


@pytest.mark.parametrize("value", [0, 7, 4095])
def test_one_value_everywhere_is_a_failure(make: Make, value: int) -> None:
    """An image without a picture gets no score, also where its padding differs from it."""
    with pytest.raises(ConstantImage):
        gray(make(np.full((4, 4), value)))
    padded = np.full((4, 4), value)
    padded[0] = 99
    with pytest.raises(ConstantImage, match="padding"):
        gray(make(padded, PixelPaddingValue=99))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("meta", [False, True])
def test_no_preamble_is_needed(make: Make, syntax: UID, *, meta: bool) -> None:
    """An image that begins with its first attribute, as old ones do, is read all the same."""
    dataset = make(**WINDOW)
    data = saved(dataset, syntax)
    bare = data[132:]
    if not meta:
        bare = bare[bare.index(b"\x08\x00\x16\x00") :]
    np.testing.assert_array_equal(decode(bare).pixels, decode(data).pixels)


def test_a_tiff_in_the_preamble_does_not_hide_dicom(make: Make) -> None:
    """A preamble may hold what it likes, the head of a TIFF too."""
    data = bytearray(saved(make()))
    data[:4] = b"II*\x00"
    assert decode(bytes(data)).source.format == "dicom"


@pytest.mark.parametrize("name", ["film.dcm", "film"])
def test_a_web_page_is_not_dicom(name: str, tmp_path: Path) -> None:
    """A server's answer instead of an image is told as what it is, whatever its name."""
    path = tmp_path / name
    path.write_text("<!DOCTYPE html><html><title>Log in</title></html>".ljust(400))
    with pytest.raises(NotAnImage):
        decode(path.read_bytes())


@pytest.mark.parametrize("missing", [1, 2, 100, 1000, 48 * 48 * 2 - 1, 48 * 48 * 2])
def test_a_image_cut_within_its_pixels_is_truncated(make: Make, missing: int) -> None:
    """A file that was not copied to its end is told apart from a damaged one."""
    with pytest.raises(Truncated):
        decode(saved(make())[:-missing])


def test_missing_frames_are_truncation(make: Make) -> None:
    """A loop of fewer frames than promised has lost its end."""
    with pytest.raises(Truncated):
        gray(make(NumberOfFrames=3))


def test_frames_count_as_pixels(make: Make) -> None:
    """A header that promises many frames is held to the same limit."""
    with pytest.raises(TooLarge, match="200000 frames of 48 x 48"):
        gray(make(NumberOfFrames=200_000))


def test_too_many_pixels_are_refused_before_decoding(make: Make) -> None:
    """A header that promises a huge image is answered by its size, not by its missing pixels."""
    with pytest.raises(TooLarge, match="60000 x 60000"):
        gray(make(Rows=60000, Columns=60000))


@pytest.mark.parametrize(
    "attributes",
    [
        {"Columns": None},
        {"Rows": None},
        {"Rows": 0},
        {"BitsStored": None},
        {"BitsStored": 0},
        {"RescaleSlope": 0, "RescaleIntercept": 0},
        {"VOILUTFunction": "CUBIC", **WINDOW},
        {"PhotometricInterpretation": "RGB"},
        {"PhotometricInterpretation": "YBR_FULL"},
        color(CHANNELS),
        color(CHANNELS, PhotometricInterpretation="MONOCHROME1"),
    ],
    ids=lambda attributes: "-".join(f"{k}={v}" for k, v in list(attributes.items())[:2]),
)
def test_a_header_that_contradicts_itself_is_corrupt(
    make: Make, attributes: dict[str, Any]
) -> None:
    """A whole file whose attributes make no image is damaged, and nothing worse."""
    with pytest.raises(Corrupt):
        gray(make(**attributes))


@pytest.mark.parametrize(
    ("attributes", "valid", "odd"),
    [
        ({"VOILUTFunction": "LINEAR"}, b"LINEAR", b"linear"),
        ({"NumberOfFrames": 1000}, b"IS\x04\x001000", b"IS\x04\x001.00"),
    ],
)
def test_odd_spelling_is_read_in_silence(
    make: Make, attributes: dict[str, Any], valid: bytes, odd: bytes
) -> None:
    """A value that breaks DICOM's rules of writing, yet is clear, costs neither image nor noise."""
    data = saved(make(**WINDOW, **attributes))
    assert valid in data
    np.testing.assert_array_equal(decode(data.replace(valid, odd)).pixels, gray(make(**WINDOW)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(draw=st.data())
def test_damage_is_an_image_error_and_names_nobody(make: Make, draw: st.DataObject) -> None:
    """Whatever bytes of the header rot or where it is cut, the error is an ImageError, and its
    text holds nothing of the patient."""
    dataset = make(RescaleSlope=1, RescaleIntercept=0, NumberOfFrames=1, **WINDOW)
    data = bytearray(saved(dataset))
    header = len(data) - len(dataset.PixelData)
    places = st.integers(132, header - 1)
    values = st.integers(0, 255) | st.sampled_from([0, 255])
    for place, value in draw.draw(st.dictionaries(places, values, max_size=4)).items():
        data[place] = value
    cut = draw.draw(st.just(len(data)) | st.integers(132, len(data)))
    try:
        assert decode(bytes(data[:cut])).pixels.ndim == 2
    except ImageError as error:
        assert not any(name in str(error) for name in ("Phantom", "Drawn", "PHANTOM"))  # noqa: PT017  (either ending is right)
