"""The query that chooses studies and series: DICOM keywords and values, as QIDO-RS takes them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final

from cxr_edge.errors import UsageError

STUDY_KEYS: Final = (
    "StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName",
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "StudyInstanceUID", "StudyID", "StudyDescription",
)  # fmt: skip
"""Keywords that choose studies."""

SERIES_KEYS: Final = (
    "Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "BodyPartExamined",
    "ProtocolName", "InstitutionName", "StationName", "Manufacturer",
    "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime",
)  # fmt: skip
"""Keywords that choose series of these studies."""

_DAY: Final = "[0-9]{8}"
_DAYS: Final = re.compile(f"{_DAY}(-({_DAY})?)?|-{_DAY}")
_DAYS_AGO: Final = {"today": 0, "yesterday": 1}

Terms = tuple[tuple[str, str], ...]
"""Keywords with their values."""


@dataclass(frozen=True)
class Query:
    """Query of a scan; a value may name a patient, so that only keywords are ever shown."""

    studies: Terms
    """Terms that choose studies; at least one."""
    series: Terms = ()
    """Terms that choose series of these studies."""

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Query":
        """Read a query as it is given on the command line.

        Parameters
        ----------
        texts
            Terms such as ``StudyDate=20261101-20261127``. A date may also be ``today`` or
            ``yesterday``, by the clock of this machine.

        Raises
        ------
        UsageError
            A keyword is unknown or given twice, a value is empty or no date, or nothing narrows
            the studies down.
        """
        terms: dict[str, str] = {}
        for text in texts:
            key, equals, value = text.partition("=")
            if not equals:
                raise UsageError("--query: expected KEYWORD=VALUE, got no '='")
            if key not in (*STUDY_KEYS, *SERIES_KEYS):
                raise _unknown(key)
            if key in terms:
                raise UsageError(f"--query: expected {key} once, got it again; give a list A,B")
            terms[key] = _checked(key, value)
        studies = tuple((key, value) for key, value in terms.items() if key in STUDY_KEYS)
        if all(not value.strip("*") for _, value in studies):
            raise _chooses_none(studies)
        return cls(studies, tuple((key, terms[key]) for key in terms if key in SERIES_KEYS))

    @property
    def keys(self) -> list[str]:
        """Keywords of the query."""
        return [key for key, _ in (*self.studies, *self.series)]

    def __repr__(self) -> str:
        """Return the keywords, without any value."""
        return f"Query({', '.join(self.keys)})"


def _checked(key: str, value: str) -> str:
    """Return a value as a server takes it; an error shows none, since it may name a patient."""
    value = value.strip()
    if not value or not value.isprintable():
        raise UsageError(f"--query {key}: expected a value, got none or one that cannot be printed")
    if not key.endswith("Date"):
        return value
    if value in _DAYS_AGO:
        day = datetime.now(UTC).astimezone() - timedelta(days=_DAYS_AGO[value])
        return f"{day:%Y%m%d}"
    if not _DAYS.fullmatch(value):
        raise UsageError(
            f"--query {key}: expected a day (20261127), days (20261101-20261127), today or "
            "yesterday"
        )
    return value


def _chooses_none(studies: Terms) -> UsageError:
    if studies:
        return UsageError(
            f"--query {studies[0][0]}: '*' alone chooses all studies, and an archive may have "
            "millions; give a value, or add --query StudyDate=YYYYMMDD"
        )
    return UsageError(
        "expected a query that chooses studies, since an archive may have millions; add "
        "--query StudyDate=YYYYMMDD, or another of " + ", ".join(STUDY_KEYS[1:])
    )


def _unknown(key: str) -> UsageError:
    known = {word.lower(): word for word in (*STUDY_KEYS, *SERIES_KEYS)}
    near = get_close_matches(key.lower(), known, n=1)
    if not near:
        return UsageError("--query: expected one of the keywords " + ", ".join(known.values()))
    return UsageError(f"--query: unknown keyword; did you mean {known[near[0]]}?")
