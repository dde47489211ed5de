"""DICOM's values to gray."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dicoms import (
    CHANNELS,
    FULL_WINDOW,
    INVERTED,
    LADDER,
    RESCALED,
    TWO_WINDOWS,
    WINDOW,
    Make,
    color,
    gray,
    lut,
    saved,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cxr_edge.errors import (
    UnsupportedFormat,
)
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.image import SourceFacts


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


def test_a_monochrome1_image_is_its_monochrome2_twin(
    phantoms: ModuleType, image: NDArray[np.uint16]
) -> None:
    """One image looks the same whichever way its maker stored it."""
    twins = [gray(phantoms.dicom(image, kind, 1)) for kind in ("MONOCHROME1", "MONOCHROME2")]
    np.testing.assert_array_equal(*twins)
    np.testing.assert_allclose(twins[1], phantoms.to_8_bits(image), atol=1)


@pytest.mark.parametrize(
    ("stored", "attributes", "expected"),
    [
        # No window: the range of the bits in use, not of the values that occur.
        ([0, 4095, 2048, 819], {}, [0, 255, 128, 51]),
        ([0, 255, 128], {"BitsStored": 8, "HighBit": 7}, [0, 255, 128]),
        ([0, 2600], {"RescaleSlope": 0.5, "RescaleIntercept": 100}, [0, 162]),
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
    """Where an image brings its own curve, that is what is shown, also beside a window; beyond the
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
    """Color weighs as in BT.601 whichever way its channels lie, and is flagged."""
    stored = CHANNELS.transpose(2, 0, 1) if planar else CHANNELS
    attributes = color(CHANNELS, PlanarConfiguration=planar, PixelData=stored.tobytes())
    decoded = decode(saved(make(photometric="RGB", **attributes)))
    np.testing.assert_allclose(decoded.pixels, CHANNELS @ [0.299, 0.587, 0.114], atol=0.6)
    assert decoded.source.flags == ("color",)


def test_the_gray_of_ybr_is_its_first_channel(make: Make) -> None:
    """Luma is stored as such and taken as it is."""
    decoded = decode(saved(make(photometric="YBR_FULL", **color(CHANNELS))))
    np.testing.assert_array_equal(decoded.pixels, CHANNELS[:, :, 0])
    assert decoded.source.flags == ("color",)


def test_the_first_of_several_frames_is_read(make: Make) -> None:
    """A cine loop counts as its first frame, and says so."""
    single = make()
    loop = make(NumberOfFrames=2)
    loop.PixelData = single.PixelData + bytes(len(single.PixelData))
    decoded = decode(saved(loop))
    np.testing.assert_array_equal(decoded.pixels, gray(single))
    assert decoded.source.flags == ("multi-frame",)


PALETTE = np.random.default_rng(1).integers(0, 256, (256, 3), np.uint16)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_becomes_luma(make: Make, bits: int) -> None:
    """An index is seen as the brightness of its color, whether colors have 8 bits or 16."""
    indices = np.arange(64, dtype=np.uint8).reshape(8, 8)
    attributes: dict[str, Any] = {
        "Rows": 8,
        "Columns": 8,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelData": indices.tobytes(),
    }
    dataset = make(photometric="PALETTE COLOR", **attributes)
    for channel, name in enumerate(("Red", "Green", "Blue")):
        entries = PALETTE[:, channel] * (257 if bits == 16 else 1)
        dtype = "<u2" if bits == 16 else "u1"
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [256, 0, bits])
        setattr(dataset, f"{name}PaletteColorLookupTableData", entries.astype(dtype).tobytes())
    decoded = decode(saved(dataset))
    expected = (PALETTE @ [0.299, 0.587, 0.114])[indices]
    np.testing.assert_allclose(decoded.pixels, expected, atol=0.6)
    assert decoded.source.flags == ("color",)


def test_the_gray_of_subsampled_ybr_is_its_luma(make: Make) -> None:
    """Where two pixels share their color, each has its own luma."""
    luma = CHANNELS[:, :, 0]
    stored = np.stack([luma[:, ::2], luma[:, 1::2], luma[:, ::2], luma[:, 1::2]], axis=2)
    attributes = color(CHANNELS, PixelData=stored.tobytes())
    decoded = decode(saved(make(photometric="YBR_FULL_422", **attributes)))
    np.testing.assert_array_equal(decoded.pixels, luma)


def test_retired_colors_are_refused(make: Make) -> None:
    """A form that nobody writes any more is told by name, and not guessed."""
    with pytest.raises(UnsupportedFormat, match="CMYK"):
        gray(make(photometric="CMYK"))


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "INVERSE", True),  # as PS3.3 C.8.11.3 has it for DX, said twice
    ],
)
def test_a_presentation_lut_may_invert(
    make: Make, photometric: str, shape: str, *, inverted: bool
) -> None:
    """An image that says INVERSE is shown inverted, and once only."""
    positive = gray(make())
    shown = gray(make(photometric=photometric, PresentationLUTShape=shape))
    np.testing.assert_array_equal(shown, 255 - positive if inverted else positive)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_stretches_nothing(make: Make, photometric: str) -> None:
    """Pixels that are no picture are black whatever the polarity, and the others as without."""
    values = [0, 1000, 3000, 4090, 4095]
    plain = gray(make(values, photometric=photometric, **WINDOW)).ravel()
    padding = {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4090}
    padded = gray(make(values, photometric=photometric, **WINDOW, **padding)).ravel()
    assert padded.tolist() == [*plain[:3].tolist(), 0, 0]


def test_padding_below_zero_is_padding(make: Make) -> None:
    """A negative padding value is one, whether it was written as signed or not."""
    for vr, value in (("SS", -2000), ("US", 65536 - 2000)):
        dataset = make([0, 0, 0], PixelRepresentation=1, photometric="MONOCHROME1")
        dataset.PixelData = np.array([-2000, -1024, 2047], "<i2").tobytes()
        dataset.add_new(0x00280120, vr, value)
        assert gray(dataset).ravel().tolist() == [0, 191, 0]


@pytest.mark.parametrize("signed", [0, 1])
def test_bits_may_lie_high(make: Make, signed: int) -> None:
    """Where the stored bits are not the lowest, the others are no part of a value."""
    values = np.array([-2048, 0, 2047] if signed else [0, 2048, 4095], np.int16)
    dataset = make([0, 0, 0], HighBit=15, PixelRepresentation=signed)
    dataset.PixelData = ((values.astype("<i2") << 4) | 5).tobytes()
    assert gray(dataset).ravel().tolist() == [0, 128, 255]


def test_unused_bits_are_ignored(make: Make) -> None:
    """Bits above the stored ones, an overlay of old, are not seen."""
    dataset = make([0, 2048, 4095])
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") | 0x8000).tobytes()
    assert gray(dataset).ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("top", "flags"), [(65535, ()), (16383, ("fewer-bits",)), (4095, ("fewer-bits",))]
)
def test_16_bits_that_are_not_used_do_not_darken(
    make: Make, top: int, flags: tuple[str, ...]
) -> None:
    """An image that claims 16 bits and uses fewer is held to those, as a PNG is, and says so."""
    dataset = make([0, 0, 0], BitsStored=16, HighBit=15)
    dataset.PixelData = np.array([0, top // 2 + 1, top], "<u2").tobytes()
    decoded = decode(saved(dataset))
    assert decoded.pixels.ravel().tolist() == [0, 128, 255]
    assert decoded.source.flags == flags
    window = make([0, 0, 0], BitsStored=16, HighBit=15, WindowCenter=32768, WindowWidth=65536)
    window.PixelData = dataset.PixelData
    assert "fewer-bits" not in decode(saved(window)).source.flags


@pytest.mark.parametrize(
    ("attributes", "keyword", "dtype"),
    [
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "PixelData", "<u4"),
        ({"BitsAllocated": 32}, "FloatPixelData", "<f4"),
        ({"BitsAllocated": 64}, "DoubleFloatPixelData", "<f8"),
    ],
)
def test_deep_values_span_what_occurs(
    make: Make, attributes: dict[str, Any], keyword: str, dtype: str
) -> None:
    """Values without a usual range are shown from the least to the greatest."""
    dataset = make([0, 0, 0], **attributes)
    del dataset.PixelData
    setattr(dataset, keyword, np.array([1000, 1500, 2000], dtype).tobytes())
    assert gray(dataset).ravel().tolist() == [0, 128, 255]


def test_single_bits_are_black_and_white(make: Make) -> None:
    """A mask of one bit a pixel is read as such."""
    bits = np.random.default_rng(2).integers(0, 2, (9, 5), np.uint8)
    dataset = make(BitsAllocated=1, BitsStored=1, HighBit=0, Rows=9, Columns=5)
    dataset.PixelData = np.packbits(bits, bitorder="little").tobytes()
    np.testing.assert_array_equal(gray(dataset), bits * 255)


def test_an_enhanced_image_has_its_window_elsewhere(make: Make) -> None:
    """Facts that an enhanced object tells frame by frame hold as if they stood in its header."""
    rescale, window = Dataset(), Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 2, -1000, "US"
    window.WindowCenter, window.WindowWidth = 3000, 2001
    shared, frame = Dataset(), Dataset()
    shared.PixelValueTransformationSequence = [rescale]
    frame.FrameVOILUTSequence = [window]
    dataset = make(
        [1499, 1750, 2000, 2500],
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[frame],
    )
    assert gray(dataset).ravel().tolist() == [0, 64, 128, 255]


def test_a_lut_of_bytes_is_read_as_such(make: Make) -> None:
    """A table whose 8-bit entries are packed two a word loses none of them."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, 0, 8])
    item.add_new("LUTData", "OW", bytes([0, 10, 20, 255]))
    assert gray(make([0, 1, 2, 3], VOILUTSequence=[item])).ravel().tolist() == [0, 10, 20, 255]


def test_headers_become_flags(make: Make) -> None:
    """A header of another kind of image is flagged, and nothing else of it is in the report."""
    dataset = make(
        Modality="MG", BodyPartExamined="BREAST", BurnedInAnnotation="YES", ViewPosition="LL"
    )
    assert decode(saved(dataset)).source.flags == (
        "burned-in",
        "lateral",
        "other-body-part",
        "other-modality",
    )
    view = Dataset()
    view.CodeValue = "399198007"
    assert decode(saved(make(ViewCodeSequence=[view]))).source.flags == ("lateral",)
