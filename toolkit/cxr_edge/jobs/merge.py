"""One report of the shards of a scan, or of the reports of several sites or days."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.jobs.merge_source import Source, source_at
from cxr_edge.jobs.new_report import write_report
from cxr_edge.pipeline.roots import names_apart
from cxr_edge.reports.carried import copied, identity_in, skipped_in
from cxr_edge.reports.check_place import check_place
from cxr_edge.reports.counts import FIRST_FAILED, ScanCounts
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.distribution_shift import DistributionShift
from cxr_edge.reports.manifest import ARRIVAL, SORTED, differences, utc_now
from cxr_edge.reports.recorded import RESTORE
from cxr_edge.reports.run_manifest import RunManifest, roots_of, spec_file_of
from cxr_edge.reports.standard_output import STDOUT
from cxr_edge.spec.json_fields import is_int
from cxr_edge.system.printable import printable, unescaped

_OF_ARRIVAL: Final = frozenset({"rows_by", "files_in"})
"""Settings of a report that grows by arrival, which say nothing of how its rows were made."""

_OF_MACHINE: Final = frozenset({"runtime", "provider", "batch_size"})
"""Settings that the machines of several sites have each for itself; all are told."""


@dataclass(frozen=True)
class MergeJob:
    """Reports, and the one that is to be made of them."""

    sources: Sequence[str]
    """Paths of reports, and paths or addresses of folders of shards."""
    out: Path
    """Path of the new report."""


@dataclass(frozen=True, kw_only=True)
class MergedManifest(RunManifest):
    """Record of a report that was merged."""

    merged_from: Sequence[Mapping[str, object]] = ()
    """Sources of the rows: the name of each before the paths of its rows, its place, the count
    of its rows, when it was started and ended, and by which version of cxr-edge."""


def merge(job: MergeJob) -> MergedManifest:
    """Write one report with the rows of all.

    The report of one folder of shards is the one that ``cxr scan`` writes of the same files. In
    that of several, each path starts with the name of its source: as many of the last parts of its
    path as tell it from the others. It is sorted, unless the rows of a source are by arrival; these
    stay as they are.

    Parameters
    ----------
    job
        Reports, and the new one.

    Returns
    -------
    MergedManifest
        The manifest beside the new report.

    Raises
    ------
    UsageError
        A path cannot work, or sources were made with different settings; nothing was done.
    ReportError
        A source is not finished, was edited or has lost rows, or the report cannot be written.
    """
    if job.out == STDOUT:
        raise UsageError("--out: expected a file, got standard output; cxr merge writes files")
    if job.out.exists():
        raise UsageError(f"--out: {job.out} exists; choose another name")
    check_place(REPORT, job.out)
    sources = [source_at(place) for place in job.sources]
    named = _named(sources)
    manifest = _manifest(named)
    with REPORT.alone_at(job.out):
        try:
            return write_report(job.out, _rows(named), manifest)
        except UnicodeEncodeError as exc:  # copied from a manifest, which is of any text
            why = "is damaged: it has text that is no Unicode"
            raise sources[0].kind.refused(sources[0].manifest, why, RESTORE) from exc


def _named(sources: Sequence[Source]) -> dict[str, Source]:
    """Return the sources by name, in the order of their rows; the name of a single one is empty."""
    if len(sources) == 1:
        (source,) = sources
        if source.kind.name == REPORT.name:
            raise UsageError(
                f"expected a folder of shards or several reports, got the report {source.place}"
            )
        return {"": source}
    by_path = {source.full_path: source for source in sources}
    if len(by_path) < len(sources):
        twice, _ = Counter(source.full_path for source in sources).most_common(1)[0]
        raise UsageError(f"{by_path[twice].place} is given twice; give it once")
    names = {name: by_path[path] for path, name in names_apart(list(by_path)).items()}
    return dict(sorted(names.items(), key=lambda pair: os.fsencode(f"{pair[0]}/")))


def _rows(named: Mapping[str, Source]) -> Iterator[Sequence[str]]:
    for name, source in named.items():
        if not name:
            yield from source.rows()
            continue
        for path, *cells in source.rows():
            yield [printable(f"{name}/{unescaped(path)}"), *cells]


def _manifest(named: Mapping[str, Source]) -> MergedManifest:
    """Return the manifest of all, with empty counts."""
    sources = list(named.values())
    first, *others = sources
    identity = identity_in(first.kind, first.manifest, first.recorded)
    for other in others:
        _require_same(first, other)
    all_of = [source.recorded for source in sources]
    order = ARRIVAL if any(one.order == ARRIVAL for one in all_of) else SORTED
    has_failed = any(one.exit_code == ExitCode.SOME_FAILED for one in all_of)
    by_content = [one.identity.get("rows_by") for one in all_of if one.identity.get("rows_by")]
    spec = spec_file_of(first.recorded)
    fields = [{**copied(one), "operating_point": one.fields.get("operating_point"),
               "input_check": one.fields.get("input_check", "")} for one in all_of]  # fmt: skip
    machine = {key: _together([one.identity.get(key) for one in all_of]) for key in _OF_MACHINE}
    shift = DistributionShift.recorded(first.recorded.fields.get("distribution_shift"))
    return MergedManifest(
        **{key: _together([one[key] for one in fields]) for key in fields[0]},
        identity=replace(
            identity, files_in=None, rows_by=by_content[0] if by_content else None, **machine
        ),
        counts=ScanCounts(shift=shift),
        skipped=sum((skipped_in(one) for one in all_of), Counter()),
        disks=[_below(name, disk) for name, one in named.items() for disk in one.recorded.disks],
        first_lost=_first(named, "first_lost"),
        changed=sum(_number(one.fields.get("changed")) for one in all_of),
        first_changed=_first(named, "first_changed"),
        roots={
            _below(name, root): where
            for name, one in named.items()
            for root, where in roots_of(one.recorded).items()
        },
        order=order,
        earlier_versions=[*dict.fromkeys(old for one in all_of for old in one.earlier_versions)],
        report_started=min(one.report_started for one in all_of),
        started=utc_now(),
        exit_code=ExitCode.SOME_FAILED if has_failed else ExitCode.DONE,
        spec=spec if all(spec_file_of(one) == spec for one in all_of) else None,
        merged_from=[
            {
                "name": printable(name),
                "source": printable(source.place),
                "rows": source.recorded.rows,
                "started": source.recorded.report_started,
                "ended": source.recorded.fields.get("ended"),
                "tool_version": source.recorded.version,
            }
            for name, source in named.items()
        ],
    )


def _require_same(first: Source, other: Source) -> None:
    """Raise UsageError where two sources were made with different settings."""

    def settings(source: Source) -> dict[str, object]:
        return {
            k: v for k, v in source.recorded.identity.items() if k not in _OF_ARRIVAL | _OF_MACHINE
        }

    if changed := differences(settings(first), settings(other), "against"):
        raise UsageError(
            f"{first.place} and {other.place} were made with different settings "
            f"({'; '.join(changed.values())}); 'cxr relabel' gives a report another threshold, and "
            "all else needs a scan"
        )


def _together(values: Sequence[Any]) -> Any:  # Any: whatever a manifest holds
    """Return the value that all have; or else the largest number, or all texts."""
    different = [*dict.fromkeys(values)] if all(isinstance(one, str) for one in values) else values
    if all(one == different[0] for one in different):
        return different[0]
    numbers = [one for one in different if is_int(one)]
    return max(numbers) if numbers else "; ".join(map(str, different))


def _first(named: Mapping[str, Source], key: str) -> list[str]:
    """Return the first paths that a list of each manifest has."""
    found = [
        _below(name, path)
        for name, source in named.items()
        for path in source.recorded.fields.get(key) or ()
        if isinstance(path, str)
    ]
    return found[:FIRST_FAILED]


def _below(name: str, path: str) -> str:
    """Return a path of a manifest as it is below the name of its source."""
    return "/".join(filter(None, (printable(name), path)))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
