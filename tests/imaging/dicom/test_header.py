"""The facts that a DICOM file's header gives."""

from io import BytesIO

import pytest
from dicoms import CHANNELS, Make, color, saved
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxr_edge.errors import Corrupt, ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.dicom.header import UNKNOWN, DicomHeader, read_dicom_header

PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


def header_of(data: bytes) -> DicomHeader:
    return read_dicom_header(BytesIO(data), len(data))


@pytest.mark.parametrize("syntax", [*PLAIN, DeflatedExplicitVRLittleEndian])
def test_facts_are_read_in_every_coding(make: Make, syntax: UID) -> None:
    """Size, depth, polarity and transfer syntax, without decoding."""
    dataset = make(photometric="MONOCHROME1")
    found = header_of(saved(dataset, syntax))
    assert (found.height, found.width) == (dataset.Rows, dataset.Columns)
    assert (found.bits, found.frames, found.photometric) == (12, 1, "MONOCHROME1")
    assert found.syntax == syntax.keyword
    assert found.trouble is None


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_file_without_meta_information_is_read(make: Make, syntax: UID) -> None:
    """Its coding is found by reading, as decoding finds it."""
    data = saved(make(), syntax)
    bare = data[132 + 12 + int.from_bytes(data[140:144], "little") :]
    assert header_of(bare).syntax == syntax.keyword


def test_trouble_is_what_a_scan_will_say(make: Make) -> None:
    """A cut file, an empty attribute and a document have the reason that decoding gives them."""
    document = make()
    del document.PixelData
    for name in ("Rows", "Columns"):
        delattr(document, name)
    for data in (
        saved(make())[:-9],
        saved(make(PixelData=b"")),
        saved(document),
        saved(make(NumberOfFrames=9)),
    ):
        trouble = header_of(data).trouble
        assert trouble is not None
        with pytest.raises(ImageError) as raised:
            decode(data)
        assert raised.value.reason == trouble.reason


def test_words_that_dicom_does_not_know_are_not_kept(make: Make) -> None:
    """A name in a place where none belongs goes nowhere."""
    dataset = make(photometric="MONOCHROME2")
    dataset.PhotometricInterpretation = "DOE^JANE"
    assert header_of(saved(dataset)).photometric == UNKNOWN
    assert header_of(saved(make(photometric="RGB", **color(CHANNELS)))).photometric == "RGB"


def test_a_header_that_cannot_be_read_is_corrupt(make: Make) -> None:
    """A text where a number belongs is damage, and is not quoted."""
    dataset = make()
    del dataset.Rows
    dataset.add_new(0x00280010, "LO", "DOE^JANE")
    found = header_of(saved(dataset))
    assert isinstance(found.trouble, Corrupt)
    assert "Rows" in str(found.trouble)
    assert "DOE" not in str(found)
