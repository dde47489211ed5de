"""A DICOMweb server as a storage: studies are folders of series, and series folders of instances.

A file is ``STUDY/SERIES/INSTANCE.dcm``, by the UIDs. The modality and the body part of a series,
and the body part of an instance, decide whether it is listed as one to take.
"""

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, Final  # Any: values of JSON

from cxr_edge.errors import UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.storage.base import Entry, Kind, Stat
from cxr_edge.storage.dicomweb.address import checked_url
from cxr_edge.storage.dicomweb.paging import all_results
from cxr_edge.storage.dicomweb.query import Query
from cxr_edge.storage.dicomweb.radiographs import is_other_body_part, is_other_modality
from cxr_edge.storage.read_file import MAX_BYTES

with needs_extra("cxr scan --dicomweb", "pacs"):
    from cxr_edge.storage.dicomweb.server import server_at

_MODALITY: Final = "00080060"
_BODY_PART: Final = "00180015"
_UIDS: Final = ("0020000D", "0020000E", "00080018")
"""Tags of the UIDs of a study, a series and an instance."""

_SUFFIX: Final = ".dcm"
_NAME: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-")
"""Characters of UIDs, and of what some machines have in place of one."""


@dataclass(frozen=True)
class DicomWeb:
    """Chest radiographs of the studies on a server that match a query.

    Credentials are read from the environment of each process, and are no part of it. The query,
    which may name a patient, stays in this process: one that was pickled reads instances alone.
    """

    url: str
    """Root of the service."""
    query: Query | None = None
    """Query that chooses studies and series; without one, only instances can be read."""
    is_local = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", checked_url(self.url))

    def __reduce__(self) -> "tuple[type[DicomWeb], tuple[str]]":
        """Leave out the query."""
        return DicomWeb, (self.url,)

    def absolute(self, path: str) -> str:
        """Return the path without a slash at its end."""
        return path.rstrip("/")

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the studies, the series of a study or the instances of a series.

        Their names are in memory, and one page of what the server tells about them.
        """
        if self.query is None:
            raise UsageError(
                f"expected files and folders, got {self.url}; a DICOMweb server is scanned with "
                "cxr scan --dicomweb URL --query StudyDate=YYYYMMDD"
            )
        within, query = self._uids(folder), self.query
        level = len(within)
        search = server_at(self.url).searching(
            within,
            (query.studies, query.series, ())[level],
            ((), (_MODALITY, _BODY_PART), (_BODY_PART,))[level],
        )
        found = all_results(
            lambda limit, offset: [_entry(result, level) for result in search(limit, offset)]
        )
        entries = sorted(found.items(), key=lambda entry: _sort_key(*entry), reverse=True)
        del found
        return _emptied(entries)

    def stat(self, path: str) -> Stat:
        """Return the kind of a path; where there is a query, the server must answer it.

        Raises
        ------
        UsageError
            It does not.
        """
        uids = self._uids(path)
        try:
            self.identity(path)
        except OSError as exc:
            raise UsageError(f"{self.url} cannot be searched: {exc.strerror}") from exc
        return Stat(Kind.FILE if len(uids) == len(_UIDS) else Kind.FOLDER, 0, 0.0)

    def identity(self, folder: str) -> tuple[str, ...]:
        """Return the address; if the folder is the root, the server must answer the query."""
        uids = self._uids(folder)
        if self.query and not uids:
            server_at(self.url).ping(self.query.studies)
        return (self.url, *uids)

    def open(self, path: str) -> BinaryIO:
        """Open an instance, which is retrieved whole."""
        return BytesIO(self.read(path, MAX_BYTES))

    def read(self, path: str, at_most: int) -> bytes:
        """Retrieve an instance."""
        study, series, instance = self._uids(path)
        return server_at(self.url).retrieve(study, series, instance, at_most)

    def _uids(self, path: str) -> tuple[str, ...]:
        """Return the UIDs of study, series and instance in a path, as far as it goes."""
        below = path.rstrip("/").removeprefix(self.url).strip("/")
        uids = tuple(below.removesuffix(_SUFFIX).split("/")) if below else ()
        if not path.startswith(self.url) or len(uids) > len(_UIDS) or not all(map(_is_name, uids)):
            raise FileNotFoundError(errno.ENOENT, "it is no path of this server")
        return uids


def _entry(result: Mapping[str, Any], level: int) -> Entry:
    """Return the name and kind of a study (level 0), a series or an instance."""
    uid = _text(result, _UIDS[level])
    if not _is_name(uid):
        raise OSError(errno.EIO, "expected a UID with each result of the server, got none")
    if level == 1 and is_other_modality(_text(result, _MODALITY).upper()):
        return uid, Kind.OTHER_MODALITY
    if level and is_other_body_part(_text(result, _BODY_PART).upper()):
        return uid, Kind.OTHER_BODY_PART
    return (f"{uid}{_SUFFIX}", Kind.FILE) if level == 2 else (uid, Kind.FOLDER)


def _text(result: Mapping[str, Any], tag: str) -> str:
    """Return the first value of an attribute in DICOM JSON, PS3.18 F; empty where it is absent."""
    attribute = result.get(tag)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    first = values[0] if isinstance(values, list) and values else None
    return first.strip() if isinstance(first, str) else ""


def _is_name(uid: str) -> bool:
    return 0 < len(uid) <= 64 and uid[0].isalnum() and _NAME.issuperset(uid)


def _sort_key(name: str, kind: Kind) -> str:
    return f"{name}/" if kind is Kind.FOLDER else name


def _emptied(entries: list[Entry]) -> Iterator[Entry]:
    while entries:
        yield entries.pop()
