"""The cluster that a scan is asked to run on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """A cluster that a scan runs on."""

    address: str | None = None
    """Address, as of :class:`cxr_edge.pipeline.ray_engine.RayEngine`; None for one of this machine
    alone."""
    workers: int | None = None
    """Count of processes that scan; None for as many as the cluster has CPUs."""
    memory: int = 0
    """Bytes that each may hold; 0 for a share of what is free."""
    tell: Callable[[str], object] = lambda _message: None
    """Told of trouble that may pass."""
