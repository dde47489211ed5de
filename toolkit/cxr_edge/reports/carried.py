"""Settings and facts that a report has from the manifest of another, which it is made from."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any, Final

from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.made_with import damaged
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.run_manifest import RunIdentity
from cxr_edge.spec.json_fields import is_int
from cxr_edge.spec.on_input_check import OnInputCheck
from cxr_edge.system.ranges import SHARE

COPIED: Final = (
    "runtime_asked", "runtime_why", "device_asked", "device_why", "batch_size", "batch_why",
    "workers", "threads", "self_test", "notice",
)  # fmt: skip
"""Fields of the manifest that say how the probabilities were made."""

_OPTIONAL: Final = {
    one.name for one in dataclasses.fields(RunIdentity) if one.default is not dataclasses.MISSING
}
_REQUIRED: Final = {one.name for one in dataclasses.fields(RunIdentity)} - _OPTIONAL


def copied(recorded: Recorded) -> dict[str, Any]:
    """Return the fields of :data:`COPIED`, and the engine, which was threads before it was told."""
    found = {key: recorded.fields.get(key) for key in COPIED}
    return {**found, "engine": recorded.fields.get("engine", "threads")}


def skipped_in(recorded: Recorded) -> Counter[str]:
    """Return the counts of skipped files, under the name that they have in any version."""
    found = recorded.fields.get("skipped", recorded.fields.get("passed_over"))
    if not isinstance(found, dict):
        return Counter()
    return Counter({key: count for key, count in found.items() if is_int(count)})


def identity_in(kind: CsvKind, manifest: Path | str, recorded: Recorded) -> RunIdentity:
    """Return the settings of a report, of the types that they must have.

    Raises
    ------
    ReportError
        They are not those of a scan.
    """
    fields = recorded.identity
    match fields:
        case {
            "model": str(),
            "model_sha256": str(),
            "labels": [str(negative), str(positive)],
            "threshold": threshold,
        } if (
            _REQUIRED <= fields.keys() <= _REQUIRED | _OPTIONAL
            and threshold in SHARE
            and isinstance(limits := fields.get("review_band", []), list)
            and len(limits) == 2 * ("review_band" in fields)
            and all(limit in SHARE for limit in limits)
            and fields.get("on_input_check", OnInputCheck.FLAG) in tuple(OnInputCheck)
            and isinstance(fields.get("input_statistics", ""), str)
        ):
            given = {"labels": (negative, positive), "review_band": tuple(limits) or None}
            return RunIdentity(**{**fields, **given})
    raise damaged(kind, manifest)
