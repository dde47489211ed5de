"""The query of a scan of a DICOMweb server."""

from datetime import UTC, datetime, timedelta

import pytest

from cxr_edge.errors import UsageError
from cxr_edge.storage.dicomweb.query import Query


def test_keywords_go_to_the_level_that_knows_them() -> None:
    """A study is chosen by its attributes, and a series of it by its own."""
    query = Query.parse(["Modality=DX", "StudyDate=20261101-20261127", "PatientID=A=B"])
    assert query.studies == (("StudyDate", "20261101-20261127"), ("PatientID", "A=B"))
    assert query.series == (("Modality", "DX"),)


@pytest.mark.parametrize(("word", "ago"), [("today", 0), ("yesterday", 1)])
def test_days_have_names(word: str, ago: int) -> None:
    """They are those of this machine's clock."""
    days = [datetime.now(UTC).astimezone() - timedelta(days=ago)]
    value = Query.parse([f"StudyDate={word}"]).studies[0][1]
    days.append(datetime.now(UTC).astimezone() - timedelta(days=ago))  # should midnight pass
    assert value in {f"{day:%Y%m%d}" for day in days}


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([], "expected a query that chooses studies"),
        (["Modality=CR"], "expected a query that chooses studies"),
        (["StudyDescription=*"], r"StudyDescription: '\*' alone chooses all studies.*give a value"),
        (["PatientName=**", "Modality=CR"], r"PatientName: '\*' alone chooses all studies"),
        (["Doe"], "expected KEYWORD=VALUE"),
        (["studydate=20261127"], "did you mean StudyDate"),
        (["StudyDates=20261127"], "did you mean StudyDate"),
        (["Doe=20261127"], "expected one of the keywords"),
        (["PatientID="], "PatientID: expected a value"),
        (["PatientID=Doe\n"], None),
        (["PatientID=Doe\nX"], "PatientID: expected a value"),
        (["StudyDate=Doe"], "StudyDate: expected a day"),
        (["StudyDate=2026-11-27"], "StudyDate: expected a day"),
        (["PatientID=Doe", "PatientID=Doe2"], "expected PatientID once"),
    ],
)
def test_a_query_that_cannot_work_is_refused_without_its_values(
    terms: list[str], message: str | None
) -> None:
    """Whatever stands behind a keyword, or in its place, may name a patient."""
    if message is None:
        Query.parse(terms)
        return
    with pytest.raises(UsageError, match=message) as error:
        Query.parse(terms)
    assert "Doe" not in str(error.value)


def test_a_query_shows_its_keywords_alone() -> None:
    """A traceback or a log of one names no patient."""
    assert repr(Query.parse(["PatientID=Doe", "Modality=CR"])) == "Query(PatientID, Modality)"
