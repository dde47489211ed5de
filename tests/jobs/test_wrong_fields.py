"""Manifests and reports with any value in any field: continued, or refused in one sentence."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import FakeRuntime
from hypothesis import example, given, settings
from hypothesis import strategies as st
from image_folders import write_ward
from runs import session_of

from cxr_edge.errors import CxrError
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_mapping import MAPPING
from cxr_edge.jobs.convert_run import run_convert
from cxr_edge.jobs.relabel import RelabelJob, relabel
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.recorded import owner_of
from cxr_edge.reports.run_manifest import preferred_by
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint

WRONG = (
    None, True, -1, 0, 3, 1e308, -0.5, float("nan"), float("inf"), 10**400, "", "x", "\x00", "..",
    "/", "a" * 5000, "\ud800", "0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "arrival", "report.old-1.csv", [], [[]], ["a", 1], ["a", "b"], {},
    {"a": {}},
)  # fmt: skip
"""Values of every type that JSON has, and text that is no path, time or number."""

CELLS = (
    "", "x", "ok", "failed", "..", "/", "-1", "nan", "1e999", "é" * 300, "a;b", "=1", "9" * 5000,
    "a\nb", "\x00", "0.5", "0.500000",
)  # fmt: skip
"""Texts in a cell."""

FIELDS = (
    ("manifest_version",), ("tool_version",), ("report_started",), ("begun",), ("started",),
    ("continued_from",), ("disks",), ("order",), ("exit_code",), ("pid",), ("skipped",),
    ("passed_over",), ("counts",), ("gone",), ("taken_over_from",), ("relabelled_from",),
    ("distribution_shift",), ("spec",),
    ("operating_point",), ("workers",), ("identity",), ("digest",),
    *(("identity", key) for key in ("model", "model_sha256", "labels", "threshold", "runtime",
                                    "provider", "batch_size", "names", "key_check", "new")),
    *(("digest", key) for key in ("rows", "sha256", "every", "marks", "new")),
)  # fmt: skip
"""Fields of the manifests, in one of them or in both."""


@dataclass
class Place:
    """A finished report and mapping of one folder, to be damaged and restored."""

    scan: ScanJob
    convert: ConvertJob
    kept: dict[Path, bytes] = field(repr=False)

    def restore(self) -> None:
        """Write everything as it was; what a run made besides is removed."""
        for path in self.scan.out.parent.glob("report*"):
            path.unlink()
        for path, content in self.kept.items():
            path.write_bytes(content)

    def try_all(self) -> None:
        """Do everything that reads a report or mapping."""
        attempt(run_scan, self.scan)
        attempt(run_scan, replace(self.scan, add_new=True))
        for threshold in (None, 0.5):
            out = self.scan.out.with_name("report.other.csv")
            attempt(relabel, RelabelJob(self.scan.out, out, threshold=threshold))
        attempt(run_scan, replace(self.scan, retry_failed=True))
        attempt(run_convert, self.convert)
        preferred_by(self.scan.out)
        owner_of(self.scan.out)


def attempt(function: Callable[[Any], object], job: object) -> None:
    """Call a function; an error of ours is a message of bounded length."""
    try:
        function(job)
    except CxrError as exc:
        message = str(exc)
    else:
        return
    assert len(message) < 2000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Place:
    """Eleven files, scanned and converted."""
    folder = tmp_path_factory.mktemp("fields")
    images = write_ward(folder / "films", phantoms)
    (folder / "r").mkdir()
    spec = ModelSpec("fake", ("N", "P"), InputSpec(8, 8), (OperatingPoint("a", 0.4),), "a")
    session = session_of(Model("ab" * 32, "onnx", FakeRuntime(spec)), workers=1)
    scan = ScanJob([images], folder / "r" / "report.csv", session)
    convert = ConvertJob(images, folder / "out", folder / "r" / "m.csv", key=None, workers=1)
    run_scan(scan)
    run_convert(convert)
    written = [scan.out, convert.mapping]
    files = [*written, *map(manifest_path, written)]
    return Place(scan, convert, {path: path.read_bytes() for path in files})


def set_field(path: Path, name: tuple[str, ...], value: object) -> None:
    """Put a value into a manifest."""
    fields = json.loads(path.read_text())
    inner = fields
    for key in name[:-1]:
        inner = inner[key]
    inner[name[-1]] = value
    path.write_text(json.dumps(fields))


@settings(max_examples=40)
@given(st.sampled_from(FIELDS), st.sampled_from(WRONG), st.booleans())
@example(("begun",), "0001-01-01T00:00:00", True)
@example(("report_started",), "0001-01-01T00:00:00", False)
@example(("disks",), 3, False)
@example(("disks",), ["a", 1], False)
@example(("identity", "runtime"), "\ud800", False)
def test_any_value_in_a_manifest_is_told(
    place: Place, name: tuple[str, ...], value: object, is_old: bool
) -> None:
    """A field of a wrong type, in a manifest of this version or of one before, is no traceback."""
    place.restore()
    for report, older in ((place.scan.out, REPORT), (place.convert.mapping, MAPPING)):
        path = manifest_path(report)
        if is_old:
            (version, begun), *_ = older.older_manifests.items()
            set_field(path, ("manifest_version",), version)
            set_field(path, (begun,), "2026-01-02T03:04:05+00:00")
        set_field(path, name, value)
    place.try_all()


@settings(max_examples=40)
@given(st.integers(0, 20), st.integers(1, 9), st.sampled_from(CELLS), st.booleans())
def test_any_text_in_a_report_is_told(
    place: Place, column: int, number: int, text: str, has_digest: bool
) -> None:
    """Any cell of any row, with the digest of the rows and without."""
    place.restore()
    for report in (place.scan.out, place.convert.mapping):
        if not has_digest:
            fields = json.loads(manifest_path(report).read_text())
            del fields["digest"]
            manifest_path(report).write_text(json.dumps(fields))
        rows = list(csv.reader(io.StringIO(report.read_text())))
        rows[number][column % len(rows[number])] = text
        with report.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    place.try_all()
