"""The manifest of a report or mapping that was started, read back and checked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from cxr_edge import __version__
from cxr_edge.errors import ExitCode, ReportError
from cxr_edge.reports.manifest import ARRIVAL, MANIFEST_VERSION, SORTED, manifest_path
from cxr_edge.reports.row_marks import RowMarks
from cxr_edge.spec.json_fields import is_int
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most

T = TypeVar("T")

_VERSION: Final = re.compile(r"[0-9A-Za-z.+!-]{1,32}")

RESTORE: Final = "restore it from a copy, or "
"""Better advice where a file was edited, damaged or removed."""

_FINISHED: Final = (ExitCode.DONE, ExitCode.SOME_FAILED)


@dataclass(frozen=True)
class Recorded:
    """Start and state of a report or mapping, as its manifest records them."""

    identity: Mapping[str, Any]
    """Settings of the run that started it, by key."""
    report_started: str
    """Time of that run; ISO 8601, UTC."""
    started: str
    """Start of the last run into it; ISO 8601, UTC; empty where it is not told."""
    continued_from: int
    """Rows that were there when that run began."""
    order: str
    """Order of the rows: :data:`~cxr_edge.reports.manifest.SORTED` or
    :data:`~cxr_edge.reports.manifest.ARRIVAL`."""
    digest: RowMarks
    """Digest of its rows; of none where an earlier version wrote it."""
    rows: int
    """Rows that its last run counted, as far as it got to tell; 0 where that is not told."""
    exit_code: int | None
    """Exit code of its last run; None where that was killed, or runs."""
    disks: list[str]
    """Paths of the disks that were mounted below the PATHs."""
    fields: Mapping[str, Any]
    """Everything in the manifest, by key."""

    @classmethod
    def from_json(cls, data: object, older: Mapping[int, str]) -> "Recorded | int":
        """Read a manifest's JSON; return its version alone where that is not continued.

        Parameters
        ----------
        data
            The JSON.
        older
            As for :func:`read_run_manifest`.

        Raises
        ------
        ValueError, TypeError
            A field is missing or something else than it must be.
        """
        if not isinstance(data, dict):
            raise TypeError(f"expected an object, got {data!r:.60}")
        version = _field(data, "manifest_version", int)
        key = {**older, MANIFEST_VERSION: "report_started"}.get(version)
        if key is None:
            return version
        when = datetime.fromisoformat(_field(data, key, str))
        if when.tzinfo is None:
            raise ValueError(f"{key}: expected a time with its zone, got {when.isoformat()}")
        if when.year in (MINYEAR, MAXYEAR):  # in another zone, there is no such time
            raise ValueError(f"{key}: expected a time of a scan, got {when.isoformat()}")
        order = data.get("order", SORTED)
        if order not in (SORTED, ARRIVAL):
            raise ValueError(f"order: expected {SORTED} or {ARRIVAL}, got {order!r:.60}")
        code = data.get("exit_code")
        before = data.get("continued_from")
        counts = data.get("counts")
        rows = counts.get("rows") if isinstance(counts, dict) else None
        return cls(
            identity=_field(data, "identity", dict),
            report_started=when.isoformat(),
            started=_field(data, "started", str) if "started" in data else "",
            continued_from=before if isinstance(before, int) else 0,
            order=order,
            digest=RowMarks.from_json(data["digest"]) if "digest" in data else RowMarks(),
            rows=rows if isinstance(rows, int) else 0,
            exit_code=code if is_int(code) else None,
            disks=_texts(data, "disks") if "disks" in data else [],
            fields=data,
        )

    @property
    def version(self) -> str:
        """Version of cxr-edge that wrote to it last; empty where that is not told."""
        told = self.fields.get("tool_version")
        return told if isinstance(told, str) and _VERSION.fullmatch(told) else ""

    @property
    def earlier_versions(self) -> list[str]:
        """Other versions of cxr-edge than this one that wrote to it."""
        told = self.fields.get("earlier_versions")
        found = [*(told if isinstance(told, list) else []), self.fields.get("tool_version")]
        versions = [one for one in found if isinstance(one, str) and _VERSION.fullmatch(one)]
        return [one for one in dict.fromkeys(versions) if one != __version__]

    @property
    def finished(self) -> bool:
        """Whether the last run finished."""
        return self.exit_code in _FINISHED


def read_run_manifest(report: Path, use: str, advice: str, older: Mapping[int, str]) -> Recorded:
    """Read how an existing report or mapping was started.

    Parameters
    ----------
    report
        The CSV file.
    use
        Use that is to be made of the file, for messages: ``resumed``.
    advice
        End of an error's message: what to do.
    older
        Versions before :data:`~cxr_edge.reports.manifest.MANIFEST_VERSION` that are read too, each
        with its name of ``report_started``.

    Raises
    ------
    ReportError
        The manifest is missing, damaged, or of another version.
    """
    path = manifest_path(report)
    return parse_run_manifest(
        lambda: read_at_most(path, MAX_JSON), str(path), report.name, use, advice, older
    )


def parse_run_manifest(
    read: Callable[[], bytes], path: str, name: str, use: str, advice: str, older: Mapping[int, str]
) -> Recorded:
    """Read how something was started, wherever its manifest stands.

    Parameters
    ----------
    read
        Function that reads the manifest; raises OSError.
    path
        Path of the manifest, for messages.
    name
        Name of what it is of, for messages.
    use, advice, older
        As for :func:`read_run_manifest`.

    Raises
    ------
    ReportError
        As :func:`read_run_manifest`.
    """
    cannot = f"so {name} cannot be {use}"
    mend = f"{cannot}; {RESTORE}{advice}"
    try:
        text = read()
    except FileNotFoundError as exc:
        raise ReportError(f"{path} is missing, {mend}") from exc
    except OSError as exc:
        raise ReportError(f"{path} cannot be read ({exc.strerror}), {mend}") from exc
    try:
        recorded = Recorded.from_json(parse_json(text), older)
    except (ValueError, TypeError) as exc:
        raise ReportError(f"{path} is damaged ({exc}), {mend}") from exc
    if isinstance(recorded, Recorded):
        return recorded
    age = "a newer" if recorded > MANIFEST_VERSION else "an older"
    raise ReportError(
        f"{path} was written by {age} version of cxr-edge (expected manifest_version "
        f"{MANIFEST_VERSION}, got {recorded}), {cannot}; {advice}; or use that version"
    )


def owner_of(report: Path) -> int | None:
    """Return the number of the process that writes a file, None where its manifest names none."""
    return process_in(manifest_path(report))


def process_in(manifest: Path) -> int | None:
    """Return the number of the process that a manifest names; None where it names none."""
    try:
        data = parse_json(read_at_most(manifest, MAX_JSON))
    except (OSError, ValueError):
        return None
    process = data.get("pid") if isinstance(data, dict) else None
    return process if is_int(process) else None


def _field(data: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """Return a field that must be there and of a type; True and False are no numbers.

    Raises
    ------
    ValueError, TypeError
        It is not.
    """
    if key not in data:
        raise ValueError(f"it has no {key!r}")
    value = data[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        names = {int: "a whole number", str: "text", dict: "an object", list: "a list"}
        raise TypeError(f"{key}: expected {names[kind]}, got {value!r:.60}")
    return value


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of texts; raises as :func:`_field`."""
    texts = _field(data, key, list)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{key}: expected texts, got {texts!r:.60}")
    return texts
