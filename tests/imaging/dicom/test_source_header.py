"""What objects that are derived from an image take over from its header."""

from io import BytesIO

import pytest
from dicoms import Make, saved
from pydicom import dcmwrite

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.dicom.derived_uid import derived_uid
from cxr_edge.imaging.dicom.source_header import REQUIRED, read_source_header


def test_patient_and_study_are_as_in_the_source(make: Make) -> None:
    """Letter by letter, whatever the rules say; what it lacks is empty, nothing else is read."""
    values = {
        "PatientID": "an ID that has more characters than the 64 which its rule allows it to have",
        "PatientBirthDate": "yesterday",
        "PatientSex": "female",
        "StudyDate": "2004.01.19",
        "IssuerOfPatientID": "WARD",
        "PatientComments": "nobody's business",
    }
    image = make(**values, AccessionNumber=None)
    del image.PatientName
    header = read_source_header(saved(image))
    texts = header.patient_and_study
    assert {**texts} == dict.fromkeys(REQUIRED, "") | {
        key: text for key, text in values.items() if key != "PatientComments"
    }
    assert (header.study, header.series) == (image.StudyInstanceUID, image.SeriesInstanceUID)
    assert (header.sop_class, header.sop_instance) == (image.SOPClassUID, image.SOPInstanceUID)
    assert header.frames == 1


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jürgen"),
        ("ISO_IR 192", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ],
)
def test_a_name_keeps_its_characters(make: Make, charset: str | list[str], name: str) -> None:
    """Whatever character set the source has."""
    image = make(SpecificCharacterSet=charset, PatientName=name)
    assert read_source_header(saved(image)).patient_and_study["PatientName"] == name


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("uid", ["", "MRN7741902", "1." * 40 + "1", "../../x"])
def test_an_image_without_a_uid_cannot_be_referred_to(make: Make, keyword: str, uid: str) -> None:
    """The message names the attribute, and quotes nothing of the header."""
    image = make()
    image[keyword].value = uid
    file = BytesIO()
    dcmwrite(file, image)
    with pytest.raises(Corrupt, match=r"the DICOM file has no valid .* Instance UID") as raised:
        read_source_header(file.getvalue())
    assert "MRN" not in str(raised.value)


def test_derived_uids_are_uids_and_differ_by_every_part() -> None:
    """The same parts give the same UID for ever: this one is what it was from the start."""
    uids = {derived_uid(*parts) for parts in (("a", "b"), ("a", "c"), ("b", "b"), ("a", "b", ""))}
    assert len(uids) == 4
    assert all(len(uid) <= 64 for uid in uids)
    assert derived_uid("report", "1.2.3") == "2.25.26854715574016541841275020027152342711"
