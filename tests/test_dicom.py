"""DICOM bytes to a gray film."""

import contextlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxr_edge.errors import (
    Corrupt,
    ImageError,
    NoPixelData,
    NotAnImage,
    TooLarge,
    Truncated,
    UnsupportedCompression,
    UnsupportedFormat,
)
from cxr_edge.images import GrayImage, SourceFacts, decode

Make = Callable[..., FileDataset]


@pytest.fixture(scope="session")
def film(phantoms: ModuleType) -> NDArray[np.uint16]:
    pixels: NDArray[np.uint16] = phantoms.phantom(7, opacities=3, size=48)
    return pixels


@pytest.fixture(scope="session")
def make(phantoms: ModuleType, film: NDArray[np.uint16]) -> Make:
    """Return a 12-bit object of the given stored values, or of a phantom, with attributes set."""

    def build(
        values: ArrayLike | None = None, photometric: str = "MONOCHROME2", **attributes: Any
    ) -> FileDataset:
        drawn = film if values is None else np.atleast_2d(np.asarray(values, np.uint16)) << 4
        dataset: FileDataset = phantoms.dicom(drawn, "MONOCHROME2", 1)
        dataset.PhotometricInterpretation = photometric
        for name, value in attributes.items():
            setattr(dataset, name, value)
        return dataset

    return build


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


def colour(pixels: NDArray[np.generic], **attributes: Any) -> dict[str, Any]:
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


def test_facts_are_of_the_source(make: Make) -> None:
    """The report says what was read and how large it was, and warns of nothing without cause."""
    dataset = make(np.arange(6).reshape(2, 3) * 800)
    assert decode(saved(dataset)).source == SourceFacts(3, 2, "dicom")


@pytest.mark.parametrize("attributes", [{}, WINDOW, RESCALED])
def test_monochrome1_is_monochrome2_inverted(make: Make, attributes: dict[str, Any]) -> None:
    """The same stored values give the exact negative, after modality and window."""
    positive = gray(make(photometric="MONOCHROME2", **attributes))
    np.testing.assert_array_equal(
        gray(make(photometric="MONOCHROME1", **attributes)), 255 - positive
    )


def test_a_monochrome1_film_is_its_monochrome2_twin(
    phantoms: ModuleType, film: NDArray[np.uint16]
) -> None:
    """One film looks the same whichever way its maker stored it."""
    twins = [gray(phantoms.dicom(film, kind, 1)) for kind in ("MONOCHROME1", "MONOCHROME2")]
    np.testing.assert_array_equal(*twins)
    np.testing.assert_allclose(twins[1], phantoms.to_8_bits(film), atol=1)


@pytest.mark.parametrize(
    ("stored", "attributes", "expected"),
    [
        # No window: the range of the stored bits, not of the values that occur.
        ([0, 4095, 2048, 819], {}, [0, 255, 128, 51]),
        ([0, 255, 128], {"BitsStored": 8, "HighBit": 7}, [0, 255, 128]),
        ([0, 1000], {"RescaleSlope": 0.5, "RescaleIntercept": 100}, [0, 62]),
        ([0, 4095, 819], INVERTED, [255, 0, 204]),
        # PS3.3 C.11.2.1.2.1, LINEAR: ((x - (c - 0.5)) / (w - 1) + 0.5) * 255.
        (LADDER, WINDOW, [0, 0, 0, 64, 128, 255, 255]),
        (LADDER, WINDOW | {"VOILUTFunction": "LINEAR"}, [0, 0, 0, 64, 128, 255, 255]),
        ([1999, 2000], {"WindowCenter": 2000, "WindowWidth": 1}, [0, 255]),
        (LADDER, TWO_WINDOWS, [0, 0, 0, 64, 128, 255, 255]),
        # C.11.2.1.3.2, LINEAR_EXACT: ((x - c) / w + 0.5) * 255.
        ([1500, 1750, 2000, 2500], WINDOW | {"VOILUTFunction": "LINEAR_EXACT"}, [0, 64, 128, 255]),
        # C.11.2.1.3.1, SIGMOID: 255 / (1 + exp(-4 (x - c) / w)).
        ([0, 1750, 2000, 2250], WINDOW | {"VOILUTFunction": "SIGMOID"}, [0, 69, 128, 186]),
        # A window is in units after the rescale: 2 x - 1000, here 1998, 2500, 3000, 4000.
        (
            [1499, 1750, 2000, 2500],
            RESCALED | {"WindowCenter": 3000, "WindowWidth": 2001},
            [0, 64, 128, 255],
        ),
        ([0, 1023, 4095], INVERTED | FULL_WINDOW, [255, 191, 0]),
        # Attributes that are there but empty are not there.
        ([0, 4095, 2048], {"WindowCenter": None, "WindowWidth": None}, [0, 255, 128]),
        ([0, 4095, 2048], {"WindowCenter": 2000}, [0, 255, 128]),
        ([0, 4095, 2048], {"VOILUTSequence": []}, [0, 255, 128]),
        ([0, 4095, 2048], {"ModalityLUTSequence": []}, [0, 255, 128]),
    ],
)  # fmt: skip
def test_stored_values_become_display_values(
    make: Make, stored: list[int], attributes: dict[str, Any], expected: list[int]
) -> None:
    """Darkest and brightest of the display are 0 and 255, and between them PS3.3 holds."""
    assert gray(make(stored, **attributes)).ravel().tolist() == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, [0, 128, 255]),
        ({"WindowCenter": 0, "WindowWidth": 4096}, [0, 128, 255]),
        ({"WindowCenter": 1024, "WindowWidth": 2048}, [0, 0, 255]),
        ({"RescaleSlope": 1, "RescaleIntercept": -1024}, [0, 128, 255]),
    ],
)
def test_signed_values_keep_their_order(
    make: Make, attributes: dict[str, Any], expected: list[int]
) -> None:
    """The most negative value is black, not white."""
    dataset = make([0, 0, 0], PixelRepresentation=1, **attributes)
    dataset.PixelData = np.array([-2048, 0, 2047], "<i2").tobytes()
    assert gray(dataset).ravel().tolist() == expected


@pytest.mark.parametrize(
    "attributes", [{}, WINDOW, {"RescaleSlope": 1, "RescaleIntercept": 0}], ids=", ".join
)
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (lut([65535 - 16 * value for value in range(4096)], 0, 16), [255, 191, 0]),
        (lut([255, 128, 0], 1023, 8), [255, 128, 0]),
    ],
    ids=["16-bit", "short"],
)
def test_a_voi_lut_is_looked_up(
    make: Make, table: Dataset, expected: list[int], attributes: dict[str, Any]
) -> None:
    """Where a film brings its own curve, that is what is shown, also beside a window; beyond the
    table its ends hold."""
    dataset = make([0, 1024, 4095], VOILUTSequence=[table], **attributes)
    assert gray(dataset).ravel().tolist() == expected


@pytest.mark.parametrize(
    ("window", "expected"),
    [({}, [255, 191, 0]), ({"WindowCenter": 32768, "WindowWidth": 32769}, [255, 255, 0])],
)
def test_a_modality_lut_comes_before_the_window(
    make: Make, window: dict[str, Any], expected: list[int]
) -> None:
    """The window sees what the table gives, not what is stored."""
    table = lut([65535 - 16 * value for value in range(4096)], 0, 16)
    table.ModalityLUTType = "US"
    dataset = make([0, 1024, 4095], ModalityLUTSequence=[table], **window)
    assert gray(dataset).ravel().tolist() == expected


@pytest.mark.parametrize("planar", [0, 1])
def test_rgb_becomes_luma(make: Make, planar: int) -> None:
    """Colour weighs as in BT.601 whichever way its channels lie, and is flagged."""
    stored = CHANNELS.transpose(2, 0, 1) if planar else CHANNELS
    attributes = colour(CHANNELS, PlanarConfiguration=planar, PixelData=stored.tobytes())
    image = decode(saved(make(photometric="RGB", **attributes)))
    np.testing.assert_allclose(image.pixels, CHANNELS @ [0.299, 0.587, 0.114], atol=0.6)
    assert image.source.flags == ("color",)


def test_the_gray_of_ybr_is_its_first_channel(make: Make) -> None:
    """Luma is stored as such and taken as it is."""
    image = decode(saved(make(photometric="YBR_FULL", **colour(CHANNELS))))
    np.testing.assert_array_equal(image.pixels, CHANNELS[:, :, 0])
    assert image.source.flags == ("color",)


def test_the_first_of_several_frames_is_read(make: Make) -> None:
    """A cine loop counts as its first frame, and says so."""
    single = make()
    loop = make(NumberOfFrames=2)
    loop.PixelData = single.PixelData + bytes(len(single.PixelData))
    image = decode(saved(loop))
    np.testing.assert_array_equal(image.pixels, gray(single))
    assert image.source.flags == ("multi-frame",)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_every_plain_transfer_syntax_gives_the_same_film(make: Make, syntax: UID) -> None:
    """Byte order and coding of the header do not change a pixel."""
    expected = gray(make(**WINDOW))
    dataset = make(**WINDOW)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    np.testing.assert_array_equal(decode(saved(dataset, syntax)).pixels, expected)


PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


@pytest.mark.parametrize(
    "syntax", [uid for uid in AllTransferSyntaxes if uid not in PLAIN], ids=lambda uid: uid.keyword
)
def test_compressed_films_say_so(make: Make, syntax: UID) -> None:
    """What has to be decompressed first is told by name, and is not called damaged."""
    dataset = make()
    if syntax.is_compressed:
        dataset.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    with pytest.raises(UnsupportedCompression, match="decompress it first") as raised:
        decode(saved(dataset, syntax))
    assert syntax.name in str(raised.value)


def test_a_cut_deflated_file_is_an_image_error(make: Make) -> None:
    """A file whose compressed header cannot be unpacked is one failed row."""
    data = saved(make(), DeflatedExplicitVRLittleEndian)
    with pytest.raises((Truncated, Corrupt, UnsupportedCompression)):
        decode(data[: len(data) // 2])


def test_a_document_has_no_pixels(phantoms: ModuleType, film: NDArray[np.uint16]) -> None:
    """DICOM that is no image is not called damaged."""
    dataset = phantoms.dicom(film, "MONOCHROME2", 1)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    for element in [element.tag for element in dataset.group_dataset(0x0028)]:
        del dataset[element]
    del dataset.PixelData
    with pytest.raises(NoPixelData):
        decode(saved(dataset))


def test_palettes_are_refused(make: Make) -> None:
    """Indices into colours are no gray values."""
    with pytest.raises(UnsupportedFormat, match="PALETTE COLOR"):
        gray(make(photometric="PALETTE COLOR"))


@pytest.mark.parametrize("name", ["film.dcm", "film"])
def test_a_web_page_is_not_dicom(name: str, tmp_path: Path) -> None:
    """What a server answered instead of a film is told as what it is, whatever its name."""
    path = tmp_path / name
    path.write_text("<!DOCTYPE html><html><title>Log in</title></html>".ljust(400))
    with pytest.raises(NotAnImage):
        decode(path.read_bytes())


@pytest.mark.parametrize("missing", [1, 2, 100, 1000, 48 * 48 * 2 - 1, 48 * 48 * 2])
def test_a_film_cut_within_its_pixels_is_truncated(make: Make, missing: int) -> None:
    """A file that was not copied to its end is told apart from a damaged one."""
    with pytest.raises(Truncated):
        decode(saved(make())[:-missing])


def test_missing_frames_are_truncation(make: Make) -> None:
    """A loop of fewer frames than promised has lost its end."""
    with pytest.raises(Truncated):
        gray(make(NumberOfFrames=3))


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
        {"WindowCenter": 0, "WindowWidth": 0},
        {"RescaleSlope": 0, "RescaleIntercept": 0},
        {"VOILUTFunction": "CUBIC", **WINDOW},
        {"PhotometricInterpretation": "RGB"},
        {"PhotometricInterpretation": "YBR_FULL"},
        colour(CHANNELS),
        colour(CHANNELS, PhotometricInterpretation="MONOCHROME1"),
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
    """A value that breaks DICOM's rules of writing, yet is clear, costs neither film nor noise."""
    data = saved(make(**WINDOW, **attributes))
    assert valid in data
    np.testing.assert_array_equal(decode(data.replace(valid, odd)).pixels, gray(make(**WINDOW)))


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


@pytest.mark.data
@pytest.mark.filterwarnings("ignore")
def test_every_real_file_is_a_film_or_has_a_reason(real_data: Path) -> None:
    """Files of many makers, odd and broken ones among them, decode or fail with an ImageError."""
    files = [path for path in sorted((real_data / "dicom").rglob("*")) if path.is_file()]
    films = []
    for path in files:
        with contextlib.suppress(ImageError):
            films.append(decode(path.read_bytes()))
    assert films
    assert all(isinstance(film, GrayImage) for film in films)
