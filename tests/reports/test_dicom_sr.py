"""DICOM objects of results: what they say, and that they can be read."""

import dataclasses
import re
import shutil
import subprocess
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicoms import Make, saved
from highdicom.sr import srread
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from cxr_edge.imaging.dicom.source_header import REQUIRED, read_source_header
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.reports.dicom_sr import Run, build_capture, build_report, is_object, report_uid
from cxr_edge.reports.made_with import MadeWith

RUN = Run(
    MadeWith("net", "ab" * 32, ("NORMAL", "PNEUMONIA"), 0.4, "screening"),
    review_band="",
    version="1.2.3",
    started=datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001  (local time)
    notice="Research use only, not a diagnosis.",
)
RESULT = Prediction(
    "a.dcm", "cd" * 32, SourceFacts(5, 6, "dicom", ("lateral", "lossy")), 0.913342, 0.4, "PNEUMONIA"
)
WHO = {
    "PatientName": "山田^太郎", "PatientID": "MRN 1", "PatientBirthDate": "19520317",
    "PatientSex": "F", "AccessionNumber": "A1", "StudyDate": "20260101", "StudyTime": "101112",
    "StudyID": "S1", "ReferringPhysicianName": "Müller",
}  # fmt: skip


@pytest.fixture
def scored(make: Make) -> bytes:
    return saved(make(SpecificCharacterSet="ISO_IR 192", **WHO))


def built(scored: bytes, run: Run = RUN, result: Prediction = RESULT) -> Dataset:
    return dcmread(BytesIO(build_report(run, read_source_header(scored), result)))


def items(container: Any, name: str) -> list[Any]:
    """Return the content items of a name, wherever they are."""
    found = []
    for item in container.get("ContentSequence", []):
        if item.ConceptNameCodeSequence[0].CodeMeaning == name:
            found.append(item)
        found += items(item, name)
    return found


def code(container: Any, name: str) -> tuple[str, str, str]:
    (item,) = items(container, name)
    concept = item.ConceptCodeSequence[0]
    return concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning


def test_it_belongs_to_the_study_and_patient_of_its_image(scored: bytes) -> None:
    """It refers to that image alone, in a series of its own, and is not verified."""
    source, report = dcmread(BytesIO(scored)), built(scored)
    for keyword, text in WHO.items():
        assert str(report[keyword].value) == text
    assert report.StudyInstanceUID == source.StudyInstanceUID
    assert report.SeriesInstanceUID != source.SeriesInstanceUID
    assert (report.Modality, report.VerificationFlag) == ("SR", "UNVERIFIED")
    (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
    (series,) = evidence.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    assert evidence.StudyInstanceUID == source.StudyInstanceUID
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    assert instance.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert instance.ReferencedSOPClassUID == source.SOPClassUID
    (shown,) = items(report, "Source of Measurement")
    assert shown.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_it_says_what_the_row_says(scored: bytes) -> None:
    """Label, probability with its unit, threshold, flags, model, image and notice."""
    report = built(scored)
    assert code(report, "Finding") == ("233604007", "SCT", "Pneumonia")
    assert code(report, "Label by the model") == ("233604007", "SCT", "Pneumonia")
    for name, number in (("Probability", 0.913342), ("Threshold of the probability", 0.4)):
        (item,) = items(report, name)
        value = item.MeasuredValueSequence[0]
        assert float(value.NumericValue) == number
        unit = value.MeasurementUnitsCodeSequence[0]
        assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("1", "UCUM")
    flags = [item.ConceptCodeSequence[0] for item in items(report, "Warning about the input image")]
    assert [(flag.CodeValue, flag.CodingSchemeDesignator) for flag in flags] == [
        ("lateral", "99CXREDGE"), ("lossy", "99CXREDGE")
    ]  # fmt: skip
    said = [item.TextValue for name in ("Algorithm Name", "Algorithm Version", "Comment",
            "Algorithm Parameters") for item in items(report, name)]  # fmt: skip
    assert said == [
        "net", "cxr-edge 1.2.3", "Research use only, not a diagnosis.",
        f"model sha256 {'ab' * 32}", "operating point screening, threshold 0.400000",
        f"image sha256 {'cd' * 32}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("positive", "expected"),
    [
        ("Pneumonia", ("233604007", "SCT", "Pneumonia")),
        ("effusion", ("effusion", "99CXREDGE", "effusion")),
        ("NO PNEUMONIA", ("", "99CXREDGE", "NO PNEUMONIA")),
        ("x" * 80, ("", "99CXREDGE", "x" * 64)),
        ("a\\b\n", ("", "99CXREDGE", "a?b?")),
    ],
)
def test_only_pneumonia_has_a_public_code(
    scored: bytes, positive: str, expected: tuple[str, str, str]
) -> None:
    """Labels are any two names; a public code is used where it is sure to mean the label."""
    made = dataclasses.replace(RUN.made_with, labels=("other", positive))
    run = dataclasses.replace(RUN, made_with=made)
    report = built(scored, run, dataclasses.replace(RESULT, label=positive))
    value, scheme, meaning = code(report, "Finding")
    assert (scheme, meaning) == expected[1:]
    assert value == expected[0] or re.fullmatch("[0-9a-f]{16}", value)
    assert code(report, "Label by the model") == code(report, "Finding")
    negative = built(scored, run, dataclasses.replace(RESULT, label="other"))
    assert code(negative, "Label by the model") == ("other", "99CXREDGE", "other")


def test_review_is_a_label_of_its_own(scored: bytes) -> None:
    """A review band makes other reports, so they have other UIDs."""
    run = dataclasses.replace(RUN, review_band="0.300000 to 0.500000")
    report = built(scored, run, dataclasses.replace(RESULT, label="review"))
    assert code(report, "Label by the model") == ("review", "99CXREDGE", "review")
    assert report.SOPInstanceUID != built(scored).SOPInstanceUID


def test_the_same_again_is_the_same_file(scored: bytes) -> None:
    """Another answer, threshold or model makes another object; another time the same UID."""
    header = read_source_header(scored)
    assert build_report(RUN, header, RESULT) == build_report(RUN, header, RESULT)
    picture = np.zeros((4, 6, 3), np.uint8)
    assert build_capture(RUN, header, RESULT, picture) == build_capture(
        RUN, header, RESULT, picture
    )
    made, uid = RUN.made_with, report_uid(RUN, header, RESULT)
    for changed in ({"threshold": 0.5}, {"model_sha256": "ef" * 32}, {"operating_point": "custom"}):
        other = dataclasses.replace(RUN, made_with=dataclasses.replace(made, **changed))
        assert report_uid(other, header, RESULT) != uid
    flagged = RESULT.source.with_flags(["blank"])
    for changed in ({"label": "review"}, {"probability": 0.9}, {"source": flagged}, {"sha256": ""}):
        assert report_uid(RUN, header, dataclasses.replace(RESULT, **changed)) != uid
    later = dataclasses.replace(RUN, started=datetime(2027, 1, 1), version="2")  # noqa: DTZ001
    assert report_uid(later, header, dataclasses.replace(RESULT, path="b.dcm")) == uid


def test_an_image_of_several_frames_is_referred_to_by_the_first(make: Make) -> None:
    """The others were not scored."""
    header = dataclasses.replace(read_source_header(saved(make())), frames=3)
    report = dcmread(BytesIO(build_report(RUN, header, RESULT)))
    (item,) = items(report, "Source of Measurement")
    assert item.ReferencedSOPSequence[0].ReferencedFrameNumber == 1


def test_highdicom_and_dcmtk_read_it(scored: bytes, tmp_path: Path) -> None:
    """As a measurement report with one group; DCMTK checks the document as it prints it."""
    file = tmp_path / "report.dcm"
    file.write_bytes(build_report(RUN, read_source_header(scored), RESULT))
    (group,) = srread(file).content.get_image_measurement_groups()
    assert group.finding_type.meaning == "Pneumonia"
    assert [one.value for one in group.get_measurements()] == [0.913342, 0.4]
    source = group.source_images[0]
    assert source.referenced_sop_instance_uid == dcmread(BytesIO(scored)).SOPInstanceUID
    dsrdump = shutil.which("dsrdump")
    if not dsrdump:
        pytest.skip("dsrdump of DCMTK is not installed")
    done = subprocess.run([dsrdump, file], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Comprehensive 3D SR Document")
    assert '<contains NUM:(,,"Probability")="0.913342" (1,UCUM,"no units")>' in done.stdout
    assert "E:" not in done.stderr


@pytest.mark.data
def test_reports_on_real_films_belong_to_their_studies(real_data: Path) -> None:
    """Films of several makers: the right image, study and patient, each letter of it."""
    for path in sorted((real_data / "dicom" / "chest").iterdir()):
        source = dcmread(path)
        report = built(path.read_bytes())
        (item,) = items(report, "Source of Measurement")
        assert item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert report.StudyInstanceUID == source.StudyInstanceUID
        for keyword in REQUIRED:
            assert str(report[keyword].value or "") == str(source.get(keyword) or ""), keyword


def test_a_picture_is_marked_as_derived_with_text_in_it(scored: bytes) -> None:
    """It names its source, and its pixels are the picture."""
    picture = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    source = dcmread(BytesIO(scored))
    found = dcmread(BytesIO(build_capture(RUN, read_source_header(scored), RESULT, picture)))
    assert (found.pixel_array == picture).all()
    assert found.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert (found.BurnedInAnnotation, found.LossyImageCompression) == ("YES", "01")
    assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert found.StudyInstanceUID == source.StudyInstanceUID
    assert found.PatientName == PersonName("山田^太郎")
    assert "Research use only" in found.DerivationDescription


def test_an_object_is_known_by_its_uid(scored: bytes) -> None:
    """Whatever else is there is somebody else's."""
    header = read_source_header(scored)
    data = build_report(RUN, header, RESULT)
    assert is_object(data, report_uid(RUN, header, RESULT))
    for other in (b"", b"theirs", scored, data[:200]):
        assert not is_object(other, report_uid(RUN, header, RESULT))
