"""Counts, times and states of a watch for Prometheus; no name of a file is among them."""

import time
from collections.abc import Mapping, Sequence
from typing import Final, Self

from cxr_edge.errors import MachineError
from cxr_edge.extras import needs_extra
from cxr_edge.pipeline.outcome import Failure, Outcome
from cxr_edge.reports.distribution_shift import DistributionShift
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.sink import RunResult

with needs_extra("--metrics-port", "watch"):
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_LATENCY: Final = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""Upper ends of the bins of the latency, seconds."""


class Metrics:
    """The sink that counts outcomes, beside numbers that the watch sets."""

    def __init__(self, labels: Sequence[str]) -> None:
        """Name all metrics; each label starts at 0, so that a rate is known from the first."""
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *by: str) -> Counter:
            return Counter(f"cxr_{name}", text, by, registry=self.registry)

        def gauge(name: str, text: str, *by: str) -> Gauge:
            return Gauge(f"cxr_{name}", text, by, registry=self.registry)

        self._files = counter("files", "Files with a row since the start", "status")
        self._failures = counter("failures", "Files without a score since the start", "reason")
        self._labels = counter("labels", "Scored files since the start", "label")
        self._flags = counter("flags", "Scored files with a flag since the start", "flag")
        self._latency = Histogram(
            "cxr_latency_seconds",
            "Time from the first look at a file to its row",
            buckets=_LATENCY,
            registry=self.registry,
        )
        self._last = gauge("last_file_timestamp_seconds", "Time of the last row")
        self._shift = gauge(
            "distribution_shift",
            "Population stability index of the day; none before enough images",
            "of",
        )
        self._state = gauge("state", "1 for the state that the watch is in", "state")
        self._numbers = {
            "waiting": gauge("waiting_files", "Files in the inbox that are not done with"),
            "free_bytes": gauge("free_bytes", "Free bytes on the disk of the reports"),
            "already": gauge("already_files", "Files since the start that had a row already"),
            "moved": gauge("moved_files", "Files since the start that were moved"),
            "not_moved": gauge("not_moved_files", "Failed moves of files since the start"),
        }
        for status in ("ok", "failed"):
            self._files.labels(status)
        for label in labels:
            self._labels.labels(label)
        self._day: DistributionShift | None = None

    @classmethod
    def served(cls, labels: Sequence[str], port: int, address: str) -> Self:
        """Return metrics that a browser or Prometheus reads at ``http://address:port/metrics``.

        Raises
        ------
        MachineError
            The port cannot be listened at.
        """
        metrics = cls(labels)
        try:
            start_http_server(port, address, metrics.registry)
        except OSError as exc:
            raise MachineError(
                f"--metrics-port: expected to listen at {address}:{port}, got: "
                f"{exc.strerror or exc}; choose another port or --metrics-address"
            ) from exc
        return metrics

    def begin(self, manifest: Manifest) -> None:
        """Take the counts of a new day's report."""
        self._day = getattr(manifest.counts, "shift", None)
        self._shift.clear()
        self._set_shift()

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes."""
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                self._files.labels("failed").inc()
                self._failures.labels(outcome.reason).inc()
                continue
            self._files.labels("ok").inc()
            self._labels.labels(outcome.label).inc()
            for flag in outcome.source.flags:
                self._flags.labels(flag).inc()
        self._last.set(time.time())
        self._set_shift()

    def close(self, result: RunResult) -> None:
        """Do nothing: the metrics outlive a day."""

    def took(self, seconds: float) -> None:
        """Count the time that a file took from the first look at it to its row."""
        self._latency.observe(seconds)

    def set(self, state: str, states: Sequence[str], numbers: Mapping[str, float | None]) -> None:
        """Set the state, one of some, and the numbers that are known."""
        for one in states:
            self._state.labels(one).set(one == state)
        for name, gauge in self._numbers.items():
            number = numbers.get(name)
            if number is not None:
                gauge.set(number)

    def _set_shift(self) -> None:
        for name in ("probabilities", "input_check"):
            part = getattr(self._day, name, None)
            if part is not None and part.index is not None:
                self._shift.labels(name).set(part.index)
