"""The run manifest beside a report."""

import json
from pathlib import Path

import pytest

from cxr_edge.errors import ReportError
from cxr_edge.models.preferred import SAME_REPORT, Preferred
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import MANIFEST_VERSION, manifest_path
from cxr_edge.reports.run_manifest import preferred_by

NOT_RESUMED = "so r.csv cannot be resumed; "
ADVICE = "choose another --out, or start over with --fresh"
IDENTITY = {"runtime": "onnx", "model_sha256": "ab", "batch_size": 4}


def refusal(report: Path, content: object) -> str:
    """Return why a report with this manifest is not continued."""
    text = content if isinstance(content, str) else json.dumps(content)
    manifest_path(report).write_text(text)
    with pytest.raises(ReportError) as refused:
        REPORT.recorded(report)
    assert NOT_RESUMED in str(refused.value)
    assert ADVICE in str(refused.value)
    return str(refused.value)


def test_a_missing_manifest_is_told(tmp_path: Path) -> None:
    """Nothing else is known of the report, and the message says what to do."""
    with pytest.raises(
        ReportError,
        match=f"r.run.json is missing, {NOT_RESUMED}restore it from a copy, or {ADVICE}",
    ):
        REPORT.recorded(tmp_path / "r.csv")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "expected an object"),
        ({}, "has no 'manifest_version'"),
        ({"manifest_version": MANIFEST_VERSION}, "has no 'report_started'"),
        ({"manifest_version": MANIFEST_VERSION, "report_started": "then"}, "isoformat"),
        (
            {"manifest_version": MANIFEST_VERSION, "report_started": "9999-12-31T23:59:59-12:00"},
            "expected a time of a scan",
        ),
    ],
)
def test_a_damaged_manifest_is_told(tmp_path: Path, content: object, why: str) -> None:
    """The message says where it is damaged."""
    message = refusal(tmp_path / "r.csv", content)
    assert "r.run.json is damaged (" in message
    assert why in message


@pytest.mark.parametrize(
    ("version", "age"), [(MANIFEST_VERSION + 1, "a newer"), (1, "an older"), (0, "an older")]
)
def test_a_manifest_of_another_version_is_told(tmp_path: Path, version: int, age: str) -> None:
    """The message names both versions, whatever else that manifest says."""
    message = refusal(tmp_path / "r.csv", {"manifest_version": version, "identity": {"old": 1}})
    expected = f"expected manifest_version {MANIFEST_VERSION}, got {version}"
    assert f"was written by {age} version of cxr-edge ({expected})" in message


@pytest.mark.parametrize(("version", "key"), [(2, "begun"), (3, "report_started")])
def test_the_version_before_is_read_too(tmp_path: Path, version: int, key: str) -> None:
    """A report that it started has the same settings and start."""
    when = "2026-01-02T03:04:05+00:00"
    data = {"manifest_version": version, key: when, "identity": IDENTITY}
    manifest_path(tmp_path / "r.csv").write_text(json.dumps(data))
    recorded = REPORT.recorded(tmp_path / "r.csv")
    assert (recorded.report_started, recorded.identity) == (when, IDENTITY)
    assert preferred_by(tmp_path / "r.csv") == Preferred("onnx", "ab", 4)


def test_no_report_prefers_nothing(tmp_path: Path) -> None:
    """The fault of a manifest is said when the report is continued."""
    assert preferred_by(tmp_path / "none.csv") is None
    manifest_path(tmp_path / "r.csv").write_text("{")
    assert preferred_by(tmp_path / "r.csv") is None


def test_a_command_whose_process_died_keeps_its_reasons(tmp_path: Path) -> None:
    """Only a later command chooses as the report does; this one chose before the report was."""
    when = "2026-01-02T03:04:05+00:00"
    data = {"manifest_version": 3, "report_started": when, "identity": IDENTITY}
    data |= {"runtime_why": "the fastest here", "batch_why": "measured"}
    report = tmp_path / "r.csv"
    manifest_path(report).write_text(json.dumps(data))
    same, later = preferred_by(report, same_command=True), preferred_by(report)
    assert same == Preferred("onnx", "ab", 4, "the fastest here", "measured")
    assert later == Preferred("onnx", "ab", 4, SAME_REPORT, SAME_REPORT)


def test_each_report_has_a_manifest_of_its_own() -> None:
    """Also those that differ in their suffix alone."""
    names = [manifest_path(Path("a") / name).name for name in ("r.csv", "r.txt", "r.old-1.csv")]
    assert names == ["r.run.json", "r.txt.run.json", "r.old-1.run.json"]
