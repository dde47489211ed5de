"""The metrics of a watch: numbers for Prometheus, and no name of a file."""

import json
import socket
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from runs import session_of

from cxr_edge.errors import MachineError, MissingExtra
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.session_record import record_of
from cxr_edge.models.model import Model
from cxr_edge.pipeline.outcome import Failure, Prediction
from cxr_edge.pipeline.skipped import Skipped

prometheus_client = pytest.importorskip("prometheus_client")

from cxr_edge.reports.distribution_shift import DistributionShift, Probabilities  # noqa: E402
from cxr_edge.reports.metrics import Metrics  # noqa: E402

SCORED = Prediction(
    "doe^jane.png", "ab", SourceFacts(9, 9, "png", ("inverted",)), 0.7, 0.4, "PNEUMONIA"
)
FAILED = Failure("doe^john.png", "cd", "truncated", "the file ends early")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(["NORMAL", "PNEUMONIA", "review"])


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    found: float | None = metrics.registry.get_sample_value(f"cxr_{name}", labels)
    return found


def test_outcomes_are_counted(metrics: Metrics) -> None:
    """By status, reason, label and flag; a label that none has is there too."""
    metrics.write([SCORED, FAILED])
    metrics.write([replace(SCORED, label="review")])
    metrics.took(1.5)
    assert value(metrics, "files_total", status="ok") == 2
    assert value(metrics, "files_total", status="failed") == 1
    assert value(metrics, "failures_total", reason="truncated") == 1
    assert value(metrics, "labels_total", label="PNEUMONIA") == 1
    assert value(metrics, "labels_total", label="review") == 1
    assert value(metrics, "labels_total", label="NORMAL") == 0
    assert value(metrics, "flags_total", flag="inverted") == 2
    assert value(metrics, "latency_seconds_count") == 1
    assert value(metrics, "latency_seconds_sum") == 1.5


def test_state_and_numbers_are_set(metrics: Metrics) -> None:
    """One state of all is 1; what is not known stays as it was."""
    metrics.set("no-inbox", ("watching", "no-inbox"), {"waiting": 3, "free_bytes": None})
    assert value(metrics, "state", state="no-inbox") == 1
    assert value(metrics, "state", state="watching") == 0
    assert value(metrics, "waiting_files") == 3


def test_the_drift_of_the_day_is_told(metrics: Metrics, model: Model) -> None:
    """Once there are enough images to compare, and not that of the day before."""
    manifest = record_of(session_of(model), Skipped(), {})
    deciles = tuple(tenth / 10 for tenth in range(1, 10))
    manifest.counts.shift = DistributionShift(Probabilities(deciles), None)
    metrics.begin(manifest)
    assert value(metrics, "distribution_shift", of="probabilities") is None
    for _ in range(200):
        manifest.counts.shift.add({"status": "ok", "probability": "0.99"})
    metrics.write([SCORED])
    drift = value(metrics, "distribution_shift", of="probabilities")
    assert drift is not None
    assert drift > 1
    metrics.begin(record_of(session_of(model), Skipped(), {}))
    assert value(metrics, "distribution_shift", of="probabilities") is None


def test_no_file_is_named(metrics: Metrics) -> None:
    """A path may name a patient, and whoever reads metrics need not know it."""
    metrics.write([SCORED, FAILED])
    assert b"doe" not in prometheus_client.generate_latest(metrics.registry)


def test_they_are_served(model: Model) -> None:
    """At the port and address that are given; a port that is taken is an error that says so."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    Metrics.served(model.spec.labels, port, "127.0.0.1")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as page:
        assert b'cxr_files_total{status="ok"} 0.0' in page.read()
    with pytest.raises(MachineError, match=f"listen at 127.0.0.1:{port}, got: Address already"):
        Metrics.served(model.spec.labels, port, "127.0.0.1")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.delitem(sys.modules, "cxr_edge.reports.metrics")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtra, match="--metrics-port needs the extra 'watch'"):
        __import__("cxr_edge.reports.metrics")


def test_a_manifest_without_a_drift_is_no_error(metrics: Metrics, model: Model) -> None:
    """A model of other origin has nothing to compare with."""
    job = ScanJob([Path()], Path("r.csv"), session_of(model))
    manifest = record_of(job.session, Skipped(), {})
    assert json.loads(json.dumps(manifest.settings))["model"] == "fake"
    metrics.begin(manifest)
    assert value(metrics, "distribution_shift", of="input_check") is None
