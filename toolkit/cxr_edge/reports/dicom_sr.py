"""DICOM objects of a result: a structured report, and the picture of its heat map.

The one module that imports highdicom.
"""

import hashlib
import json
import logging
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from numpy.typing import NDArray

from cxr_edge import __version__
from cxr_edge.extras import needs_extra
from cxr_edge.imaging.dicom.derived_uid import derived_uid
from cxr_edge.imaging.dicom.source_header import SourceHeader
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.reports.csv_report import shown
from cxr_edge.reports.made_with import MadeWith

with needs_extra("cxr sr", "pacs"):
    from highdicom import sc, sr
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from pydicom import dcmread
    from pydicom.dataset import Dataset
    from pydicom.errors import InvalidDicomError

# They quote names that they find odd.
logging.getLogger("highdicom").setLevel(logging.CRITICAL)

SCHEME: Final = "99CXREDGE"
"""Private scheme of the codes that no public one has."""

_UNICODE: Final = "ISO_IR 192"
_DEVICE: Final = "cxr-edge"
_RESEARCH: Final = "cxr-edge, research use only"
_SERIES: Final = 9901
_CAPTURES: Final = 9902
_LONGEST_MEANING: Final = 64
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,15}")
_UNSEEN: Final = re.compile(r"[\\\x00-\x1f\x7f]")

_PNEUMONIA: Final = sr.CodedConcept("233604007", "SCT", "Pneumonia")
_PROBABILITY: Final = sr.CodedConcept("122157", "DCM", "Probability")
_NO_UNITS: Final = sr.CodedConcept("1", "UCUM", "no units")
_COMMENT: Final = sr.CodedConcept("121106", "DCM", "Comment")
_DEVICE_OBSERVER: Final = sr.CodedConcept("121007", "DCM", "Device")
_RADIOGRAPHY: Final = sr.CodedConcept("43468-8", "LN", "XR unspecified body region")
_SOURCE: Final = sr.CodedConcept("121322", "DCM", "Source image for image processing operation")
_THRESHOLD: Final = sr.CodedConcept("CXR-THRESHOLD", SCHEME, "Threshold of the probability")
_LABEL: Final = sr.CodedConcept("CXR-LABEL", SCHEME, "Label by the model")
_FLAG: Final = sr.CodedConcept("CXR-FLAG", SCHEME, "Warning about the input image")


@dataclass(frozen=True)
class Run:
    """The scan that gave the results."""

    made_with: MadeWith
    """Model and threshold."""
    review_band: str
    """Limits of the review band as text, empty where there is none."""
    version: str
    """Version of cxr-edge that scanned."""
    started: datetime
    """Start of the scan, in local time as all times of DICOM are."""
    notice: str
    """Research-use notice."""

    def uid(self, kind: str, source: SourceHeader, result: Prediction) -> str:
        """Return the UID of an object of this run that is derived from an image.

        It follows from all that the object says of the image, so that a PACS which keeps the first
        of a UID never keeps another answer; but not from the time of the scan.
        """
        said = asdict(self.made_with), self.review_band, asdict(replace(result, path=""))
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        return derived_uid(kind, source.sop_instance, digest)


class _Report(sr.Comprehensive3DSR):
    """A report whose patient and study are those of our header, and nothing more."""

    def copy_patient_and_study_information(self, dataset: Dataset) -> None:
        """Do nothing: :func:`_finished` fills them in."""


def report_uid(run: Run, source: SourceHeader, result: Prediction) -> str:
    """Return the UID of the report on an image."""
    return run.uid("report", source, result)


def capture_uid(run: Run, source: SourceHeader, result: Prediction) -> str:
    """Return the UID of the picture of an image's heat map."""
    return run.uid("heat map", source, result)


def build_report(run: Run, source: SourceHeader, result: Prediction) -> bytes:
    """Return a Comprehensive 3D SR by TID 1500, PS3.16, as a file.

    The same arguments give the same bytes.

    Parameters
    ----------
    run
        The scan.
    source
        Header of the image.
    result
        Result of the image.
    """
    evidence = Dataset()
    evidence.StudyInstanceUID, evidence.SeriesInstanceUID = source.study, source.series
    evidence.SOPClassUID, evidence.SOPInstanceUID = source.sop_class, source.sop_instance
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex",
                    "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):  # fmt: skip
        setattr(evidence, keyword, None)  # asked for, and filled in at the end
    document = _Report(
        evidence=[evidence],
        content=_content(run, source, result)[0],
        series_instance_uid=run.uid("report series", source, result),
        series_number=_SERIES,
        sop_instance_uid=report_uid(run, source, result),
        instance_number=1,
        is_complete=True,
        is_final=False,
        is_verified=False,
        coding_schemes=[
            CodingSchemeIdentificationItem(
                SCHEME, name="Codes of cxr-edge", responsible_organization=_DEVICE
            )
        ],
        **_equipment(run),
    )
    return _finished(document, run, source)


def build_capture(
    run: Run, source: SourceHeader, result: Prediction, picture: NDArray[Any]
) -> bytes:
    """Return the picture of a heat map as a Secondary Capture, as a file.

    Parameters
    ----------
    run, source, result
        As for :func:`build_report`.
    picture
        Red, green and blue, uint8 of shape (H, W, 3).
    """
    image = sc.SCImage(
        pixel_array=picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),  # asked for, and taken back below: it shows two images
        study_instance_uid=source.study,
        series_instance_uid=run.uid("heat map series", source, result),
        series_number=_CAPTURES,
        sop_instance_uid=capture_uid(run, source, result),
        instance_number=1,
        **_equipment(run),
    )
    image["PatientOrientation"].value = None
    image.ConversionType = "WSD"
    image.BurnedInAnnotation = "YES"
    if "lossy" in result.source.flags:
        image.LossyImageCompression = "01"
    image.DateOfSecondaryCapture = image.ContentDate
    image.TimeOfSecondaryCapture = image.ContentTime
    image.DerivationDescription = (
        "The source image, reduced, beside the same under a heat map of the model, with text. "
        f"{run.notice}"
    )[:1024]
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.sop_class
    reference.ReferencedSOPInstanceUID = source.sop_instance
    if source.frames > 1:
        reference.ReferencedFrameNumber = 1
    reference.PurposeOfReferenceCodeSequence = [_SOURCE]
    image.SourceImageSequence = [reference]
    return _finished(image, run, source)


def is_object(data: bytes, uid: str) -> bool:
    """Tell whether the bytes of a file are the DICOM object of a UID."""
    try:
        found = dcmread(BytesIO(data), specific_tags=["SOPInstanceUID"], stop_before_pixels=True)
    except (InvalidDicomError, EOFError, OSError, ValueError, AttributeError, KeyError):
        return False
    return bool(found.get("SOPInstanceUID") == uid)


def _content(run: Run, source: SourceHeader, result: Prediction) -> sr.MeasurementReport:
    made = run.made_with
    finding = _finding(made.labels[1])
    label = finding if result.label == made.labels[1] else _private(result.label)
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", made.model_sha256),
        name=_DEVICE,
        manufacturer_name=_DEVICE,
        model_name=made.model,
        serial_number=made.model_sha256,
    )
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=run.uid("finding", source, result), identifier=made.labels[1]
        ),
        finding_type=finding,
        algorithm_id=sr.AlgorithmIdentification(
            name=made.model,
            version=f"{_DEVICE} {run.version}",
            manufacturer=_DEVICE,
            parameters=[
                f"model sha256 {made.model_sha256}",
                f"operating point {made.operating_point}, threshold {shown(made.threshold)}",
                *([f"review band {run.review_band}"] if run.review_band else []),
                f"image sha256 {result.sha256}",
            ],
        ),
        measurements=[
            sr.Measurement(_PROBABILITY, result.probability, _NO_UNITS),
            sr.Measurement(_THRESHOLD, result.threshold, _NO_UNITS),
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(_LABEL, label),
            *(sr.QualitativeEvaluation(_FLAG, _private(flag)) for flag in result.source.flags),
        ],
        source_images=[
            sr.SourceImageForMeasurementGroup(
                source.sop_class, source.sop_instance, [1] if source.frames > 1 else None
            )
        ],
    )
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(_DEVICE_OBSERVER, device)
        ),
        procedure_reported=_RADIOGRAPHY,
        imaging_measurements=[group],
    )
    report[0].ContentSequence.append(
        sr.TextContentItem(_COMMENT, run.notice, sr.RelationshipTypeValues.CONTAINS)
    )
    return report


def _finding(positive: str) -> sr.CodedConcept:
    """Return the code of the positive label; a public one where it is sure what it means."""
    return _PNEUMONIA if positive.strip().casefold() == "pneumonia" else _private(positive)


def _private(text: str) -> sr.CodedConcept:
    """Return a code of the private scheme that means a text: the text, or digits of its digest."""
    code = text if _PLAIN.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()[:16]
    return sr.CodedConcept(code, SCHEME, _short(text))


def _short(text: str) -> str:
    """Return text that a value of 64 characters takes."""
    return _UNSEEN.sub("?", text)[:_LONGEST_MEANING].strip() or "?"


def _equipment(run: Run) -> dict[str, Any]:
    return {
        "manufacturer": _DEVICE,
        "manufacturer_model_name": _short(run.made_with.model),
        "device_serial_number": run.made_with.model_sha256,
        "software_versions": f"{_DEVICE} {__version__}",
        "series_description": _RESEARCH,
        "content_date": run.started.date(),
        "content_time": run.started.time(),
        "specific_character_set": _UNICODE,
    }


def _finished(document: Dataset, run: Run, source: SourceHeader) -> bytes:
    """Return an object with its patient and study, and no time but that of the scan."""
    for keyword, text in source.patient_and_study.items():
        setattr(document, keyword, text)
    document.InstanceCreationDate = run.started.strftime("%Y%m%d")
    document.InstanceCreationTime = run.started.strftime("%H%M%S")
    for equipment in document.get("ContributingEquipmentSequence", []):  # highdicom itself
        equipment.ContributionDateTime = run.started.strftime("%Y%m%d%H%M%S")
    file = BytesIO()
    document.save_as(file, enforce_file_format=True)
    return file.getvalue()
