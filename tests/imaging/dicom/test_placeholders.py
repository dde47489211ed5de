"""DICOM attributes that say nothing, are missing, or stand there twice."""

import re
from typing import Any

import numpy as np
import pytest
from cases import PICTURE, described, samples, shifted_lut, shows_the_picture
from dicoms import Make, saved
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxr_edge.errors import Corrupt, ImageError
from cxr_edge.imaging.decode import decode


@pytest.mark.parametrize(
    ("center", "width"),
    [
        ("0", "0"),
        ("0", "1"),
        ("2048", "0"),
        ("2048", "-4096"),
        ("2048", "0.5"),
        ("NaN", "4096"),
        ("2048", "nan"),
        ("inf", "4096"),
        ("2048,5", "4095,0"),
        ("1/0", "4096"),
        ("text", "text"),
        ("1E30", "9"),
        ("2048", ""),
        ("", "4096"),
    ],
)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_window_that_cannot_be_meant_counts_as_absent(
    make: Make, bits: int, center: str, width: str
) -> None:
    """The image is shown as without a window, and flagged."""
    stored = samples(bits).astype(np.uint8 if bits == 8 else np.uint16)
    data = saved(make(**described(stored, bits, WindowCenter="31", WindowWidth="32")))
    for element, text in ((0x50, center), (0x51, width)):
        value = text.encode() + b" " * (len(text) % 2)
        old = bytes([0x28, 0, element, 0x10]) + b"DS\x02\0" + (b"31" if element == 0x50 else b"32")
        assert data.count(old) == 1
        data = data.replace(old, old[:6] + bytes([len(value), 0]) + value)
    decoded = decode(data)
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("ignored-window",)


def test_a_narrow_window_in_small_units_is_absent(make: Make) -> None:
    """A slope far below 1 with a window to match shows the picture too."""
    window = {"WindowCenter": 0.1835, "WindowWidth": 0.367}
    rescale = {"RescaleSlope": 5.6e-6, "RescaleIntercept": 0}
    decoded = decode(saved(make(**described(samples(16), 16, **window, **rescale))))
    assert shows_the_picture(decoded)
    exact = decode(saved(make(**described(samples(16), 16, **window, **rescale),
                              VOILUTFunction="LINEAR_EXACT")))  # fmt: skip
    assert shows_the_picture(exact)
    assert (decoded.source.flags, exact.source.flags) == (("ignored-window",), ())


def test_the_first_window_that_shows_something_is_taken(make: Make) -> None:
    """A placeholder before a window does not hide it."""
    windows = {"WindowCenter": [0, 2048, 9], "WindowWidth": [0, 4096, 9]}
    decoded = decode(saved(make(**described(samples(12), 12, **windows))))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ("ignored-window",)


def empty_items() -> list[Dataset]:
    without, no_entries, no_descriptor = Dataset(), Dataset(), Dataset()
    no_entries.add_new("LUTDescriptor", "US", [4096, 0, 16])
    no_entries.add_new("LUTData", "OW", b"")
    no_descriptor.add_new("LUTData", "US", [1, 2, 3])
    flat = Dataset()
    flat.add_new("LUTDescriptor", "US", [2, 0, 8])
    flat.add_new("LUTData", "US", [7, 7])
    return [without, no_entries, no_descriptor, flat]


@pytest.mark.parametrize(
    ("sequence", "kind"),
    [
        ("VOILUTSequence", 0),
        ("VOILUTSequence", 1),
        ("VOILUTSequence", 2),
        ("VOILUTSequence", 3),
        ("ModalityLUTSequence", 0),
        ("ModalityLUTSequence", 1),
        ("ModalityLUTSequence", 2),
    ],
)
def test_a_table_without_entries_counts_as_absent(make: Make, sequence: str, kind: int) -> None:
    """The window beside it is used, or the next table; the image is flagged."""
    item = empty_items()[kind]
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    for attributes in ({sequence: [item]} | window, {sequence: [item, shifted_lut(12, 16)]}):
        decoded = decode(saved(make(**described(samples(12), 12, **attributes))))
        assert shows_the_picture(decoded)
        assert decoded.source.flags == ("ignored-window",)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize(("slope", "intercept"), [(-1, 2047), (1, -2048), (-1, 0), (1, -1)])
def test_a_voi_lut_starts_where_the_rescaled_values_do(
    make: Make, syntax: Any, slope: int, intercept: int
) -> None:
    """The first value of a table is below zero where rescaled values are."""
    stored = samples(12) if slope > 0 else 4095 - samples(12)
    first = min(intercept, intercept + slope * 4095)
    attributes = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    table = {"VOILUTSequence": [shifted_lut(12, 16, first)]}
    decoded = decode(saved(make(**described(stored, 12, **attributes, **table)), syntax))
    assert shows_the_picture(decoded)
    assert decoded.source.flags == ()


NEEDED = {
    "PhotometricInterpretation": "Photometric Interpretation (0028,0004)",
    "SamplesPerPixel": "Samples per Pixel (0028,0002)",
    "Rows": "Rows (0028,0010)",
    "Columns": "Columns (0028,0011)",
    "BitsAllocated": "Bits Allocated (0028,0100)",
    "BitsStored": "Bits Stored (0028,0101)",
    "PixelRepresentation": "Pixel Representation (0028,0103)",
}


@pytest.mark.parametrize("keyword", NEEDED)
def test_a_missing_attribute_is_named(make: Make, keyword: str) -> None:
    """An attribute that a file lacks is told by name and tag."""
    dataset = make(**described(samples(12), 12))
    delattr(dataset, keyword)
    with pytest.raises(Corrupt, match=re.escape(f"has no {NEEDED[keyword]}")):
        decode(saved(dataset))


def test_missing_planes_are_named(make: Make) -> None:
    """How the channels of uncompressed color lie must be told."""
    color = np.dstack([PICTURE] * 3)
    dataset = make(photometric="RGB", **described(color, 8))
    with pytest.raises(Corrupt, match=re.escape("Planar Configuration (0028,0006)")):
        decode(saved(dataset))


@pytest.mark.parametrize("keyword", [name for name in NEEDED if name[0] != "P"])
def test_several_values_are_named_unless_they_are_one(make: Make, keyword: str) -> None:
    """Two different values for one are refused by name; the same value twice is that value."""
    dataset = make(**described(samples(12), 12))
    value = int(dataset[keyword].value)
    setattr(dataset, keyword, [value, value])
    assert shows_the_picture(decode(saved(dataset)))
    setattr(dataset, keyword, [value, value + 1])
    with pytest.raises(Corrupt, match=re.escape(NEEDED[keyword])):
        decode(saved(dataset))


@pytest.mark.parametrize(("element", "name"), [(0x10, "Rows"), (0x03, "Pixel Representation")])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_an_element_that_stands_there_twice_is_named(
    make: Make, syntax: Any, element: int, name: str
) -> None:
    """Two elements of one tag are refused: nobody knows which is meant."""
    data = saved(make(**described(samples(12), 12)), syntax)
    tag = bytes([0x28, 0, element, 0 if element == 0x10 else 1])
    length = 10
    at = data.index(tag)
    with pytest.raises(Corrupt, match=name + r" \(0028,\w+\) twice"):
        decode(data[:at] + data[at : at + length] * 2 + data[at + length :])


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("text", ["1,5", "NaN", "text"])
def test_a_rescale_that_is_no_number_is_named(make: Make, keyword: str, text: str) -> None:
    """Units that cannot be read are not guessed."""
    rescale = {"RescaleSlope": "1.0", "RescaleIntercept": "0.0"} | {keyword: "3.25"}
    data = saved(make(**described(samples(12), 12, **rescale)))
    assert data.count(b"3.25") == 1
    with pytest.raises(Corrupt, match="Rescale"):
        decode(data.replace(b"3.25", text.encode().ljust(4)))


def test_no_message_is_an_exceptions_name(make: Make) -> None:
    """Whatever attribute holds text in place of its value, the message is in words."""
    whole = saved(make(**described(samples(12), 12, WindowCenter="2048", WindowWidth="4096")))
    messages = set()
    for at in range(whole.index(b"\x28\0\x02\0"), whole.index(b"\xe0\x7f\x10\0") + 12):
        for value in (0x00, 0x41, 0xFF):
            try:
                decode(whole[:at] + bytes([value]) + whole[at + 1 :])
            except ImageError as error:
                messages.add(str(error))
    assert messages
    assert not [message for message in messages if re.search(r"Error|Exception", message)]
